"""Two optimizers, or all pairs of them: how much better, how sure, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from adamcmp import schema
from adamcmp.errors import ConfigError, nearest
from adamcmp.filters import parse_filters
from adamcmp.stats import estimates
from adamcmp.stats.choice import (
    PROBLEM,
    chosen,
    higher_is_better,
    labelled,
    measure_of,
    setting_columns,
    short,
)
from adamcmp.stats.luck import p_choice
from adamcmp.stats.sides import Difference, Side, wins
from adamcmp.stats.verdicts import sentence
from adamcmp.stats.wording import display_name


def compare(
    runs: pd.DataFrame,
    a: str | Sequence[str],
    b: str | Sequence[str],
    metric: str | None = None,
) -> pd.DataFrame:
    """Compare two sets of runs of one problem, each at its best setting.

    Args:
        runs: Rows of `runs`, such as ``adamcmp.load("first").runs``.
        a: Conditions that runs of one side meet, such as ``"optimizer=adamw"`` or
            ``["optimizer=adamw", "lr=0.01"]``. Among the runs that are left the setting is chosen
            on validation.
        b: Conditions of the other side.
        metric: A metric's column; None takes the problem's test error (regression: loss).

    Returns:
        One row, as `comparisons` (``p_holm`` is ``p_value``, there being one comparison), and
        ``verdict``, a sentence.

    Raises:
        ConfigError: When a condition or metric is wrong, no run fits or has the metric, or several
            problems do.
    """
    _check_metric(metric)
    if runs.empty:
        raise ConfigError("There are no runs to compare.")
    conditions = [[c] if isinstance(c, str) else list(c) for c in (a, b)]
    known = labelled(runs)
    fitting = [_fitting(runs, known, each) for each in conditions]
    both = pd.concat(fitting)
    problems = list(dict.fromkeys(both["problem"]))
    if len(problems) > 1:
        raise ConfigError(
            f"These runs are of {len(problems)} problems: {'; '.join(problems)}. "
            f"Add a condition to both sides, such as {_telling(both)}."
        )
    metric = metric or f"test_{measure_of(both)}"
    ended = both[both["status"] == "done"]
    if len(ended) and ended[metric].isna().all():
        there = ", ".join(m for m in schema.METRICS if m in ended and ended[m].notna().any())
        raise ConfigError(f"These runs have no {metric}. They have: {there}.")
    first, second = (
        _side(each, own, metric) for each, own in zip(conditions, fitting, strict=True)
    )
    row = _row(first, second, metric, estimates.ALPHA)
    table = _corrected([{"problem": problems[0], **row}])
    return table.assign(verdict=sentence({c: table[c].iloc[0] for c in COLUMNS}))


def _side(conditions: list[str], runs: pd.DataFrame, metric: str) -> Side:
    """Return a side, named by its conditions and, where these leave several, its optimizer."""
    side = Side.of(_name(conditions), runs, metric)
    if runs["optimizer"].nunique() == 1:
        return side
    return replace(side, name=f"{side.name} ({display_name(side.reported['optimizer'].iloc[0])})")


def _telling(runs: pd.DataFrame) -> str:
    """Return a condition that tells problems apart."""
    parts = [c for c in map(str, runs) if c.startswith(("dataset.", "model."))]
    varied = (c for c in ("dataset", "model", *parts) if runs[c].map(str).nunique() > 1)
    column = next(varied, "model")
    return f"{column}={short(runs[column].iloc[0])}"


def _fitting(runs: pd.DataFrame, known: pd.DataFrame, conditions: list[str]) -> pd.DataFrame:
    """Return the labelled runs that meet conditions on their rows."""
    keep = parse_filters(conditions, list(runs.columns))
    found = known[[keep(row) for row in runs.to_dict("records")]]
    if (found["status"] == "failed").all():
        crashed = f": the {len(found)} that do crashed" if len(found) else ""
        raise ConfigError(
            f"No run fits {' '.join(conditions)}{crashed}.{_nearest(runs, conditions)}"
        )
    return found


def _nearest(runs: pd.DataFrame, conditions: list[str]) -> str:
    """Return a guess at what was meant by a value that no run has, or ""."""
    for condition in conditions:
        column, _, value = condition.partition("=")
        known = set(runs[column].map(str)) if column in runs else set()
        if known and value not in known:
            return nearest(value, known)
    return ""


def _name(conditions: list[str]) -> str:
    """Return a side's name: its optimizer's, and what else was asked."""
    optimizers = [c.removeprefix("optimizer=") for c in conditions if c.startswith("optimizer=")]
    if len(optimizers) != 1:
        return ", ".join(conditions)
    others = ", ".join(c for c in conditions if not c.startswith("optimizer="))
    return display_name(optimizers[0]) + (f" ({others})" if others else "")


def comparisons(runs: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Compare all pairs of optimizers on each problem, each at its best setting.

    Settings are chosen, and seeds reported, as `adamcmp.stats.chosen` says. Pairs share seeds
    where they can: the same initial weights and batches. A run that diverged has no value: its
    seed is left out of the difference and counted in ``diverged_a`` or ``diverged_b``; in
    ``prob_better`` it loses to any run that ended.

    Args:
        runs: Rows of `labelled`.
        metric: A metric's column; None takes each problem's test error (regression: loss).

    Returns:
        One row per pair, with columns

        - ``problem``, ``a``, ``b``, ``metric``;
        - ``estimate``, ``ci_low``, ``ci_high``, ``p_value``: mean of a minus mean of b in the
          metric's unit, its 95 % interval, and the test of "no difference" (Student's over shared
          seeds, else Welch's); ``n``: shared seeds, or the smaller number of seeds;
        - ``p_holm``: p after Holm's correction over the problem's pairs; ``p_choice``: the same
          with an allowance for the luck of choosing (`adamcmp.stats.luck`);
        - ``better``: ``"a"`` or ``"b"`` where both are below 0.05 and that side did not diverge
          more often than the other, else ``""``;
        - ``effect_size``: Hedges' g_z, or g where seeds are not shared;
        - ``prob_better``, ``prob_low``, ``prob_high``: probability that a is better than b for a
          fresh seed, with its interval;
        - ``seeds_needed``, ``settles``: seeds in all (of each side) that would find a difference
          of ``settles`` with a power of 80 % at Holm's strictest level, with the allowance for luck
          (infinite where that alone is too much): the difference that was seen, or half the
          interval's half-width where that is larger;
        - ``paired``; ``fresh``: whether no seed that is reported was used for choosing;
          ``mean_a``, ``mean_b``; ``n_a``, ``n_b``, seeds of each; ``setting_a``, ``setting_b``, the
          chosen ones in words; ``settings_a``, ``settings_b``, how many were tried;
          ``diverged_a``, ``diverged_b``;
        - ``train_estimate``, ``train_low``, ``train_high``: the difference of final training
          losses of the same runs; ``train_mean``: the mean of the two training losses.

    Raises:
        ConfigError: When there is no such metric, or no validation split to choose on.
    """
    _check_metric(metric)
    tables = []
    for problem, group in runs.groupby("problem", sort=False):
        measured = metric or f"test_{measure_of(group)}"
        sides = [
            Side.of(str(name), own, measured)
            for name, own in group.groupby("optimizer", sort=False)
            if (own["status"] != "failed").any()
        ]
        pairs = list(combinations(sides, 2))
        rows = [
            {"problem": problem, **_row(*pair, measured, estimates.ALPHA / len(pairs))}
            for pair in pairs
        ]
        tables += [_corrected(rows)] if rows else []
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


#: The columns of `comparisons`, in order.
COLUMNS = [
    *("problem", "a", "b", "metric", "estimate", "ci_low", "ci_high", "n", "p_value", "p_holm"),
    *("p_choice", "better", "effect_size", "prob_better", "prob_low", "prob_high", "seeds_needed"),
    *("settles", "paired", "fresh", "mean_a", "mean_b", "n_a", "n_b", "setting_a", "setting_b"),
    *("settings_a", "settings_b", "diverged_a", "diverged_b"),
    *("train_estimate", "train_low", "train_high", "train_mean"),
]


def _check_metric(metric: str | None) -> None:
    known = (*schema.METRICS, *schema.BEST)
    if metric is not None and metric not in known:
        raise ConfigError(
            f"There is no metric {metric!r}.{nearest(metric, known)} "
            f"There are: {', '.join(schema.METRICS)}, and these with best_ before them."
        )


def _row(a: Side, b: Side, metric: str, alpha: float) -> dict[str, Any]:
    """Return one comparison, but for what depends on the others."""
    difference, train = Difference.of(a, b, metric), Difference.of(a, b, "train_loss")
    found = difference.found
    choice = float(np.add(a.luck.variance, b.luck.variance))
    seeds_needed, settles = difference.needed(alpha, choice)
    return {
        **{"a": a.name, "b": b.name, "metric": metric},
        **{"estimate": float(found.value)},
        **{"ci_low": float(found.low), "ci_high": float(found.high)},
        **{"n": difference.n, "n_a": len(difference.a), "n_b": len(difference.b)},
        "p_value": float(found.p_value),
        "p_choice": float(p_choice(found, a.luck, b.luck)),
        "effect_size": difference.effect,
        **wins(a, b, metric, difference.paired, higher_is_better(metric)),
        **{"seeds_needed": seeds_needed, "settles": settles},
        **{"paired": difference.paired, "fresh": a.fresh and b.fresh},
        **dict(zip(("mean_a", "mean_b"), difference.means, strict=True)),
        **{"setting_a": a.setting, "setting_b": b.setting},
        **{"settings_a": a.settings, "settings_b": b.settings},
        **{"diverged_a": a.diverged, "diverged_b": b.diverged},
        **{"train_estimate": float(train.found.value), "train_low": float(train.found.low)},
        **{"train_high": float(train.found.high), "train_mean": sum(train.means) / 2},
    }


def _corrected(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return one problem's comparisons with Holm's correction, and which side is better."""
    table = pd.DataFrame(rows)
    table["p_holm"] = estimates.holm(table["p_value"])
    table["p_choice"] = np.maximum(estimates.holm(table["p_choice"]), table["p_holm"])
    sign = np.where(table["metric"].map(higher_is_better), 1, -1) * table["estimate"]
    ahead = np.where(sign > 0, "a", "b")
    more_often = (table["diverged_a"] - table["diverged_b"]) * np.where(ahead == "a", 1, -1) > 0
    table["better"] = np.where((table["p_choice"] < estimates.ALPHA) & ~more_often, ahead, "")
    return table[COLUMNS]


def best_settings(runs: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Return each optimizer's best setting, with its mean and 95 % interval over seeds.

    Args:
        runs: Rows of `labelled`.
        metric: A metric's column; None takes each problem's test error (regression: loss).

    Returns:
        Columns ``problem``, ``optimizer``, the settings, ``metric``, ``estimate``, ``ci_low``,
        ``ci_high``, ``n`` (seeds that ended), ``diverged``, ``fresh``. Where ``fresh`` is false the
        mean is over the seeds that chose the setting, and looks better than it is.

    Raises:
        ConfigError: As `comparisons`.
    """
    _check_metric(metric)
    best, settings, rows = chosen(runs), setting_columns(runs), []
    for (problem, optimizer), group in best.groupby([*PROBLEM, "optimizer"], sort=False):
        measured = metric or f"test_{measure_of(best[best['problem'] == problem])}"
        values = group.groupby("seed")[measured].last().astype(float).dropna()
        found = estimates.mean(np.asarray(values, np.float64)) if len(values) else estimates.NOTHING
        rows.append(
            {
                **{"problem": problem, "optimizer": optimizer},
                **{c: group[c].iloc[0] for c in settings},
                **{"metric": measured, "estimate": float(found.value)},
                **{"ci_low": float(found.low), "ci_high": float(found.high), "n": len(values)},
                "diverged": int((group["status"] == "diverged").sum()),
                "fresh": bool(group["fresh"].all()),
            }
        )
    return pd.DataFrame(rows)
