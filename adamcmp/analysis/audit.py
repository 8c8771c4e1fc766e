"""The fairness audit: what a sharp reviewer would ask of a comparison, computed.

Each question is a function of the runs that yields findings, none where all is well. What makes
a comparison unfair or a claim unsafe is a *warning*; what a reader should know, a *note*.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from adamcmp.analysis.budgets import budgets
from adamcmp.analysis.comparisons import comparisons
from adamcmp.analysis.edges import edges, ends
from adamcmp.analysis.horizons import flips, unread
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import chosen, measure_of
from adamcmp.analysis.wording import display_name, listed

#: Fewer seeds of a chosen setting than this are too few for a claim.
ENOUGH_SEEDS = 5
#: An optimizer that had this many times what another one had was tuned harder.
UNEQUAL = 1.25
#: What makes tuning harder, in words, by column of `budgets`.
TUNING: Mapping[str, str] = {
    "settings": "settings",
    "seeds_per_setting": "seeds per setting in choosing",
    "steps_per_run": "steps per run",
}
#: A setting's value at which it does nothing: the rule without it is a special case.
NEUTRAL: Mapping[str, object] = {
    "optimizer.momentum": 0.0,
    "optimizer.nesterov": False,
    "optimizer.amsgrad": False,
    "wd": 0.0,
}


@dataclass(frozen=True)
class Finding:
    """One thing that the audit found.

    Attributes:
        kind: Which question it answers, such as ``"edge"``.
        severity: Whether it makes the comparison unfair or unsafe.
        problem: Where.
        text: What was found, for people.
        command: What would mend it; None where no one command would.
    """

    kind: str
    severity: Literal["warning", "note"]
    problem: str
    text: str
    command: str | None = None


@accepts_table
def audit(runs: pd.DataFrame, metrics: pd.DataFrame) -> list[Finding]:
    """Return all findings, warnings first.

    Args:
        runs: Rows of `labelled`, failed ones among them.
        metrics: Their rows of `metrics`.

    Raises:
        ConfigError: When there is no validation split to choose on.
    """
    spent = budgets(runs)
    found = [
        *_edges(runs),
        *_ends(runs),
        *_unequal_budgets(runs, spent),
        *_different_seeds(runs),
        *_few_seeds(runs),
        *_special_cases(runs),
        *_lost_runs(runs, spent),
        *_horizons(runs, metrics),
    ]
    return sorted(found, key=lambda finding: finding.severity, reverse=True)


def _edges(runs: pd.DataFrame) -> Iterator[Finding]:
    """Yield optima on the edge of their grid: the best may lie beyond."""
    found = pd.DataFrame([vars(edge) for edge in edges(runs)])
    if found.empty:
        return
    for (problem, optimizer), own in found.groupby(["problem", "optimizer"], sort=False):
        here = (runs["problem"] == problem) & (runs["optimizer"] == optimizer)
        studies = runs.loc[here, "study"].unique()
        ours = runs.loc[here, "torch_version"].notna().all()  # imported runs cannot be extended
        places = " and ".join(f"{e['axis']} {e['best']:g}" for e in own.to_dict("records"))
        yield Finding(
            "edge",
            "warning",
            str(problem),
            f"The best setting of {display_name(str(optimizer))} lies on the edge of its grid "
            f"({places}): a better one may lie beyond.",
            f"adamcmp extend {studies[0]}" if ours and len(studies) == 1 else None,
        )


def _ends(runs: pd.DataFrame) -> Iterator[Finding]:
    """Yield other settings whose best value is the first or last of those tried."""
    found: dict[tuple[str, str], list[str]] = {}
    for end in ends(runs):
        place = f"{end.setting.replace('_', ' ')} {end.best:g}"
        found.setdefault((end.problem, end.optimizer), []).append(place)
    for (problem, optimizer), places in found.items():
        yield Finding(
            "edge",
            "warning",
            problem,
            f"The best setting of {display_name(optimizer)} lies at the end of what was tried "
            f"({' and '.join(places)}): a better one may lie beyond.",
        )


def _unequal_budgets(runs: pd.DataFrame, spent: pd.DataFrame) -> Iterator[Finding]:
    """Yield problems on which some optimizers were tuned harder than others, or trained longer."""
    best = chosen(runs)
    for problem, own in spent.groupby("problem", sort=False):
        unequal = {column: shown for column in TUNING if (shown := _unequal(own, column))}
        if unequal:
            given = "; ".join(f"{TUNING[column]} ({shown})" for column, shown in unequal.items())
            curves = " The tuning curves compare them at equal numbers of settings."
            yield Finding(
                "budget",
                "warning",
                str(problem),
                f"Optimizers were tuned unequally: {given}; one that was given more may be "
                f"ahead by that alone.{curves if 'settings' in unequal else ''}",
            )
        columns = ["batch_size", "train_examples"]
        columns += [] if "steps_per_run" in unequal else ["steps"]  # that has been said
        yield from _unlike(str(problem), best[best["problem"] == problem], columns)


def _unequal(spent: pd.DataFrame, column: str) -> str:
    """Return what optimizers had on a problem, where some had much more than others; else ""."""
    known = spent[spent[column].notna()]
    if known.empty or known[column].max() <= UNEQUAL * known[column].min():
        return ""
    return ", ".join(
        f"{display_name(row['optimizer'])} {row[column]:.1f}".removesuffix(".0")
        for row in known.to_dict("records")
    )


def _unlike(problem: str, best: pd.DataFrame, columns: list[str]) -> Iterator[Finding]:
    """Yield in which columns the chosen settings of a problem differ."""
    for column in [column for column in columns if column in best]:
        values = {
            str(o): "/".join(map(str, sorted(set(g[column].dropna()))))
            for o, g in best.groupby("optimizer", sort=False)
        }
        if len(set(values.values())) > 1:
            shown = ", ".join(f"{display_name(o)} {text}" for o, text in values.items())
            yield Finding(
                "budget",
                "warning",
                problem,
                f"The chosen settings differ in {column.replace('_', ' ')}: {shown}.",
            )


def _different_seeds(runs: pd.DataFrame) -> Iterator[Finding]:
    """Yield problems whose chosen settings differ in seeds."""
    best = chosen(runs)
    for problem, own in best.groupby("problem", sort=False):
        seeds = {str(o): set(g["seed"]) for o, g in own.groupby("optimizer", sort=False)}
        shared = set.intersection(*seeds.values())
        if any(each != shared for each in seeds.values()):
            counts = ", ".join(f"{display_name(o)} {len(s)}" for o, s in seeds.items())
            yield Finding(
                "seeds",
                "warning",
                str(problem),
                f"The chosen settings were trained with different seeds ({counts}; "
                f"{len(shared)} shared): only shared seeds are compared in pairs.",
            )


def _few_seeds(runs: pd.DataFrame) -> Iterator[Finding]:
    """Yield problems whose chosen settings have too few seeds for a claim."""
    best = chosen(runs)
    for problem, own in best.groupby("problem", sort=False):
        seeds = own.groupby("optimizer", sort=False)["seed"].nunique()
        few = seeds[seeds < ENOUGH_SEEDS]
        if len(few):
            shown = ", ".join(f"{display_name(str(o))} {n}" for o, n in few.items())
            yield Finding(
                "few seeds",
                "warning",
                str(problem),
                f"Few seeds of the chosen settings ({shown}): one gives no interval, few a wide "
                f"one, and with fewer than {ENOUGH_SEEDS} it rests on the noise being normal.",
            )


def _special_cases(runs: pd.DataFrame) -> Iterator[Finding]:
    """Yield rules that lose to their own special case: there the search failed, not the rule.

    Source: Choi et al. 2019, "On Empirical Comparisons of Optimizers for Deep Learning"
    (arXiv 1910.05446): a general rule that is tuned well enough is at least as good.
    """
    pairs = list(_general_and_special(runs))
    for problem, own in runs.groupby("problem", sort=False):
        beaten = set(_beaten(own)) if pairs else set()
        for general, special, knob in pairs:
            if (general, special) in beaten:
                yield _failed_search(
                    str(problem),
                    knob,
                    f"{display_name(general)} is worse than its own special case "
                    f"{display_name(special)} ({knob} is off there)",
                )
        for optimizer, tried in own.groupby("optimizer", sort=False):
            for knob, halves in _on_and_off(tried):
                if ("on", "off") in set(_beaten(halves)):
                    name = display_name(str(optimizer))
                    yield _failed_search(
                        str(problem),
                        knob,
                        f"{name} with {knob} is worse than its own special case, {name} without",
                    )


def _failed_search(problem: str, knob: str, found: str) -> Finding:
    return Finding(
        "special case",
        "warning",
        problem,
        f"{found} on validation: its search failed, not the rule. Try more values of {knob} and "
        f"of lr.",
    )


def _beaten(runs: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield pairs of optimizers of a problem of which the first is detectably worse."""
    for row in comparisons(runs, f"val_{measure_of(runs)}").to_dict("records"):
        if row["better"]:
            yield (row["b"], row["a"]) if row["better"] == "a" else (row["a"], row["b"])


def _on_and_off(runs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the knobs that one optimizer's settings have on and off, its runs called by that."""
    for knob in [knob for knob in NEUTRAL if knob in runs]:
        known = runs[runs[knob].notna()]
        used = known[knob] != NEUTRAL[knob]
        if used.nunique() > 1:
            halves = known.assign(optimizer=used.map({True: "on", False: "off"}))
            yield knob.rpartition(".")[2], halves


def _general_and_special(runs: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield pairs of optimizers of one rule that differ in whether a knob is in use."""
    knobs = [knob for knob in NEUTRAL if knob in runs]
    about = {
        str(optimizer): (
            (own["rule"].iloc[0], own["coupling"].iloc[0]),
            {knob for knob in knobs if _used(own[knob], NEUTRAL[knob])},
        )
        for optimizer, own in runs.groupby("optimizer", sort=False)
    }
    for (general, (one, used)), (special, (other, less)) in itertools.permutations(
        about.items(), 2
    ):
        extra = used - less
        # How an optimizer would decay does not matter where it does not.
        alike = one == other if extra != {"wd"} else one[0] == other[0]
        if alike and less < used and len(extra) == 1:
            yield general, special, extra.pop().rpartition(".")[2]


def _used(column: pd.Series, neutral: object) -> bool:
    return bool((column.notna() & (column != neutral)).any())


def _lost_runs(runs: pd.DataFrame, spent: pd.DataFrame) -> Iterator[Finding]:
    """Yield runs that diverged, failed or are missing, and how they were counted."""
    best = chosen(runs)
    for problem, own in spent.groupby("problem", sort=False):
        here = best[(best["problem"] == problem) & (best["status"] == "diverged")]
        for optimizer, lost in here.groupby("optimizer", sort=False):
            yield Finding(
                "diverged",
                "warning",
                str(problem),
                f"{len(lost)} run{'s' * (len(lost) > 1)} of the chosen setting of "
                f"{display_name(str(optimizer))} diverged: its mean is over the others, and so too "
                f"good.",
            )
        counted: dict[str, tuple[Literal["warning", "note"], str]] = {
            "diverged": (
                "note",
                "a setting that diverged for a seed ranks behind every one that did not",
            ),
            "failed": (
                "warning",
                "they are left out; the words that trained them, with --retry-failed, try again",
            ),
            "missing": (
                "warning",
                "most settings, of the same or another optimizer, have these seeds; those that "
                "lack them rank by the seeds they have. The words that asked for them go on",
            ),
        }
        for status, (severity, how) in counted.items():
            some = own[own[status] > 0]
            if len(some):
                shown = ", ".join(
                    f"{display_name(row['optimizer'])} {row[status]} of "
                    f"{row['runs'] + row['missing'] * (status == 'missing')}"
                    for row in some.to_dict("records")
                )
                text = f"Runs {status}: {shown}; {how}."
                yield Finding(status, severity, str(problem), text)


def _horizons(runs: pd.DataFrame, metrics: pd.DataFrame) -> Iterator[Finding]:
    """Yield rankings that flip when runs are read before their end, or cannot be read there."""
    shares = {0.25: "a quarter", 0.5: "half"}
    for flip in flips(runs, metrics).to_dict("records"):
        yield Finding(
            "horizon",
            "warning",
            flip["problem"],
            f"{display_name(flip['ahead'])} is ahead of {display_name(flip['behind'])} when runs "
            f"are read at {shares[flip['share']]} of their budget, and behind at its end: the "
            f"ranking holds for this budget only.",
        )
    for problem, own in unread(runs, metrics).groupby("problem", sort=False):
        names = own.groupby("share", sort=False)["optimizer"].agg(tuple)
        for optimizers, alike in names.groupby(names, sort=False):
            yield Finding(
                "unread",
                "note",
                str(problem),
                f"The ranking could not be read at {listed(shares[s] for s in alike.index)} of the "
                f"budget: {listed(map(display_name, optimizers))} "
                f"{'have' if len(optimizers) > 1 else 'has'} no evaluation to read by then.",
            )
