"""The verdict on each problem: the best optimizer, and a sentence per pair."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.metrics import higher_is_better
from adamcmp.analysis.needed_seeds import FEW_SEEDS
from adamcmp.analysis.oriented import margin_text
from adamcmp.analysis.sentences import interim_note, sentence
from adamcmp.analysis.wording import MOST_NAMES, display_name, join_names, metric_phrase

#: With more optimizers, the verdict recommends a baseline.
FEW_OPTIMIZERS = 6


@dataclass(frozen=True)
class Verdict:
    """The conclusion on one problem.

    Attributes:
        problem: The dataset and model.
        overall: The best optimizer, and those that do not differ significantly from it; preceded by
            what makes this provisional, or by "Interim" while requested runs are missing.
        family: How many tests are one family, and how they are corrected; "" for a single one.
        pairs: One sentence per pair of optimizers, significant differences first.
        rows: The pairs' rows of `adamcmp.analysis.comparisons`, in the same order.
        properties: What distinguishes the optimizers beyond this metric, as a paragraph; see
            `adamcmp.analysis.property_sentences`. Empty if it is unknown.
    """

    problem: str
    overall: str
    family: str
    pairs: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    properties: str = ""


def verdicts(table: pd.DataFrame, findings: Iterable[Finding] = ()) -> list[Verdict]:
    """Return the verdict on each problem.

    >>> from adamcmp.analysis import comparisons
    >>> from adamcmp.analysis.example import example_table
    >>> for verdict in verdicts(comparisons(example_table())):
    ...     print(verdict.problem, "-", verdict.overall)
    mnist1d, mlp - AdamW is best on test error: it beats Adam+L2.
    spirals, mlp - AdamW is best on test error: it beats Adam+L2.

    Args:
        table: The result of `adamcmp.analysis.comparisons` for one metric per problem.
        findings: The result of `adamcmp.analysis.audit`. Those that undermine a verdict make it
            provisional.
    """
    problems = set(table["problem"])
    result, doubts = [], [finding for finding in findings if finding.undermines]
    for problem, group in table.groupby("problem", sort=False):
        rows = [{str(k): v for k, v in row.items()} for row in group.to_dict("records")]
        rows.sort(key=lambda row: (row["better"] == "", math.isnan(row["p_holm"]), row["p_holm"]))
        sentences = tuple(map(sentence, rows))
        # A finding on a study concerns all of its problems.
        concerned = [f for f in doubts if f.problem == problem or f.problem not in problems]
        reasons = "; ".join(dict.fromkeys(finding.undermines for finding in concerned))
        overall = _status(rows, reasons) + _conclusion(rows) + _few_seeds(rows)
        result.append(Verdict(str(problem), overall, family_of_tests(rows), sentences, tuple(rows)))
    return result


def _status(rows: list[dict[str, Any]], reasons: str) -> str:
    """Return whether a conclusion is interim or provisional, before it; empty if it is neither."""
    if not rows[0]["missing_runs"] and not reasons:
        return ""
    status = "Interim" if rows[0]["missing_runs"] else "Provisional"
    return f"{status} ({reasons}): " if reasons else f"{status}: "


def _conclusion(rows: list[dict[str, Any]]) -> str:
    """Return what the comparisons of one problem show; nothing while requested runs are missing."""
    if missing_runs := rows[0]["missing_runs"]:
        best, _ = _leading_optimizer(rows)
        metric = metric_phrase(rows[0]["metric"])
        return f"{display_name(best)} leads on {metric}. {interim_note(missing_runs)}"
    return _against_baseline(rows) if rows[0]["baseline"] else _overall(rows)


def _overall(rows: list[dict[str, Any]]) -> str:
    """Return the sentence on the best optimizer of one problem."""
    leader, completed = _leading_optimizer(rows)
    compared = [row for row in rows if leader in (row["a"], row["b"])]
    others = {row["b"] if row["a"] == leader else row["a"]: row for row in compared}
    beaten = [name for name, row in others.items() if row["better"] and name != row[row["better"]]]
    level = [name for name in others if name in completed and name not in beaten]
    incomplete = [name for name in others if name not in completed]
    identical = all(others[name]["estimate"] == 0 for name in level)
    best, metric = display_name(leader), metric_phrase(rows[0]["metric"])
    note = f" No run of {_joined(incomplete)} completed." if incomplete else ""
    losers = [_beaten(others[name], name) for name in beaten]
    beats = f"it beats {join_names(losers)}" if losers else ""
    same = f"{_same(level, others)}.{note}" if level else ""
    if level and beaten:
        return f"{best} leads on {metric}: {beats}, but {same}"
    if level and identical:
        names = _joined([leader, *level])
        return f"No best optimizer on {metric}: {names} have identical results.{note}"
    if level:
        return f"No best optimizer on {metric}: {best} leads, but {same}"
    return f"{best} is best on {metric}: {beats}.{note}" if beats else f"Nothing to compare.{note}"


def _few_seeds(rows: list[dict[str, Any]]) -> str:
    """Return that the comparisons have little evidence, if some have two or three seeds."""
    few = [row["n"] for row in rows if 1 < row["n"] <= FEW_SEEDS]
    return f" {min(few)} seeds are little evidence." if few else ""


def _same(level: list[str], others: Mapping[str, Mapping[str, Any]]) -> str:
    """Return from which optimizers the leader does not differ, and to which it is equal."""
    equal = [name for name in level if others[name]["equal"]]
    different = [name for name in level if name not in equal]
    parts = []
    if equal:
        margin = margin_text(others[equal[0]])
        parts.append(f"is equal within {margin} to {_joined(equal)}")
    if different:
        parts.append(f"is not significantly different from {_joined(different)}")
    return " and ".join(parts)


def _against_baseline(rows: list[dict[str, Any]]) -> str:
    """Return which optimizers are better and worse than the baseline."""
    names: dict[str, list[str]] = {}
    for row in rows:
        undecided = "not significantly different"
        if row["equal"]:
            undecided = f"equal within {margin_text(row)}"
        relation = {"a": "worse", "b": "better"}.get(row["better"], undecided)
        names.setdefault(relation, []).append(row["b"])
    decided = ("better", "worse")
    parts = [
        f"{_joined(listed) if relation in decided else _few_or_counted(listed)} "
        f"{'is' if len(listed) == 1 else 'are'} {relation}"
        for relation, listed in sorted(names.items(), key=lambda r: (r[0] not in decided, r[0]))
    ]
    metric = metric_phrase(rows[0]["metric"])
    return f"Compared with {display_name(rows[0]['a'])} on {metric}: {'; '.join(parts)}."


def family_of_tests(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return how the tests of a problem are corrected for their number; "" for a single one.

    Args:
        rows: The problem's rows of `adamcmp.analysis.comparisons`.
    """
    if len(rows) == 1:
        return ""
    metric, baseline = metric_phrase(rows[0]["metric"]), rows[0]["baseline"]
    if baseline:
        tests = f"{len(rows)} comparisons with {display_name(baseline)}"
        method = "Holm's correction; max-T needs six paired seeds"
        if rows[0]["adjustment"] == "max-T":
            method = "the max-T correction over flips of the seeds' signs"
        # The noise of the baseline is part of all comparisons, so skewness does not average out.
        return (
            f"The {tests} on {metric} are one family of tests ({method}). A report of all pairs, "
            f"or with another baseline, is a further family, which adds false claims of its own. "
            f"If noise is skewed, and differs in size between {display_name(baseline)} and the "
            f"others, p is too small."
        )
    family = f"The {len(rows)} pairs on {metric} are one family of tests (Holm's correction)."
    optimizers = {row[arm] for row in rows for arm in ("a", "b")}
    if len(optimizers) <= FEW_OPTIMIZERS:
        return family
    return (
        f"{family} Among {len(optimizers)} optimizers, comparisons with a single one detect "
        f"smaller differences: --baseline NAME."
    )


def _beaten(row: Mapping[str, Any], name: str) -> str:
    """Return the name of an optimizer that is beaten, and why if it is not by the metric."""
    reason = " (which diverges more often)" if row["evidence"] == "divergence" else ""
    return display_name(name) + reason


def _joined(optimizers: Iterable[str]) -> str:
    return join_names(map(display_name, optimizers))


def _few_or_counted(optimizers: Sequence[str]) -> str:
    if len(optimizers) > MOST_NAMES:
        return f"{len(optimizers)} others"
    return _joined(optimizers)


def _leading_optimizer(rows: list[dict[str, Any]]) -> tuple[str, set[str]]:
    """Return the optimizer with the largest sum of leads, and those with completed runs.

    An optimizer that another one beats is not the leader.
    """
    sign = 1 if higher_is_better(rows[0]["metric"]) else -1
    leads: dict[str, float] = {}
    completed, beaten = set(), set()
    for row in rows:
        lead = 0.0 if math.isnan(row["estimate"]) else sign * row["estimate"]
        for arm, arm_lead in (("a", lead), ("b", -lead)):
            leads[row[arm]] = leads.get(row[arm], 0.0) + arm_lead
            if row[f"n_{arm}"]:
                completed.add(row[arm])
            if row["better"] and row["better"] != arm:
                beaten.add(row[arm])
    # All may be beaten, in a cycle, or no optimizer has a completed run.
    unbeaten = [name for name in leads if name in completed - beaten] or list(leads)
    return max(unbeaten, key=lambda name: leads[name]), completed
