"""All pairs of optimizers: how much better, how sure, and what would settle it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from adamcmp.analysis import estimates
from adamcmp.analysis.arms import Arm, Difference, wins
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import (
    PROBLEM,
    chosen,
    higher_is_better,
    measure_of,
    possible,
    setting_columns,
)
from adamcmp.analysis.selection_bias import SelectionBias, p_choice, sober
from adamcmp.errors import ConfigError, nearest
from adamcmp.storage.columns import BEST, METRICS


@accepts_table
def comparisons(runs: pd.DataFrame, metric: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Compare all pairs of optimizers on each problem, each at its best setting.

    Settings are chosen, and seeds reported, as `adamcmp.analysis.chosen` says. Pairs share seeds
    where they can: the same initial weights and batches. A run that diverged has no value: its
    seed is left out of the difference and counted in ``diverged_a`` or ``diverged_b``; in
    ``prob_better`` it loses to any run that ended.

    Args:
        runs: Rows of `labelled`.
        metric: A metric's column, or several; None takes each problem's test error (regression:
            loss).

    Returns:
        One row per pair and metric, with columns

        - ``problem``, ``a``, ``b``, ``metric``;
        - ``estimate``, ``ci_low``, ``ci_high``, ``p_value``: mean of a minus mean of b in the
          metric's unit, its 95 % interval, and the test of "no difference" (where ``paired``
          Student's over shared seeds, else Welch's); ``n``: shared seeds, or the smaller number;
        - ``p_holm``: p after Holm's correction over the problem's pairs; ``p_choice``: the same
          with an allowance for the luck of choosing (`adamcmp.analysis.selection_bias`);
        - ``better``: ``"a"`` or ``"b"`` where both are below 0.05 and that side did not diverge
          more often than the other, else ``""``;
        - ``effect_size``: Hedges' g_z, or g where not ``paired``;
        - ``prob_better``, ``prob_low``, ``prob_high``: probability that a is better than b for a
          fresh seed, with its interval;
        - ``seeds_needed``, ``settles``: seeds in all (of each side) that would find a difference
          of ``settles`` with a power of 80 % at Holm's strictest level, with the allowance for luck
          (infinite where that alone is too much): the difference that was seen less the optimism
          in it, or half the interval's half-width where that is larger;
        - ``paired``: whether two seeds or more, and half of those of the side with fewer, are
          shared; ``fresh``: whether no seed that is reported was used for choosing;
          ``mean_a``, ``mean_b``; ``n_a``, ``n_b``, seeds of each; ``setting_a``, ``setting_b``, the
          chosen ones in words; ``settings_a``, ``settings_b``, how many were tried;
          ``diverged_a``, ``diverged_b``;
        - ``train_estimate``, ``train_low``, ``train_high``: the difference of final training
          losses of the same runs; ``train_mean``: the mean of the two training losses.

    Raises:
        ConfigError: When there is no such metric, or no validation split to choose on.
    """
    asked = [metric] if isinstance(metric, str) else metric
    check_metrics(asked or ())
    tables = []
    for problem, group in runs.groupby("problem", sort=False):
        arms = [
            Arm.of(str(name), own)
            for name, own in group.groupby("optimizer", sort=False)
            if (own["status"] != "failed").any()
        ]
        pairs = list(combinations(arms, 2))
        for measured in asked or [f"test_{measure_of(group)}"]:
            tables += [between(str(problem), pairs, measured)] if pairs else []
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def between(problem: str, pairs: Sequence[tuple[Arm, Arm]], metric: str) -> pd.DataFrame:
    """Return one problem's comparisons on one metric, as `comparisons` does."""
    luck = {id(side): side.luck(metric) for pair in pairs for side in pair}
    rows = [
        {"problem": problem, **_row(a, b, metric, (luck[id(a)], luck[id(b)]), len(pairs))}
        for a, b in pairs
    ]
    return _corrected(rows)


#: The columns of `comparisons`, in order.
COLUMNS = [
    *("problem", "a", "b", "metric", "estimate", "ci_low", "ci_high", "n", "p_value", "p_holm"),
    *("p_choice", "better", "effect_size", "prob_better", "prob_low", "prob_high", "seeds_needed"),
    *("settles", "paired", "fresh", "mean_a", "mean_b", "n_a", "n_b", "setting_a", "setting_b"),
    *("settings_a", "settings_b", "diverged_a", "diverged_b"),
    *("train_estimate", "train_low", "train_high", "train_mean"),
]


def check_metrics(metrics: Sequence[str]) -> None:
    """Refuse what is no metric.

    Raises:
        ConfigError: Naming the nearest one.
    """
    known = (*METRICS, *BEST)
    for metric in (metric for metric in metrics if metric not in known):
        raise ConfigError(
            f"There is no metric {metric!r}.{nearest(metric, known)} "
            f"There are: {', '.join(METRICS)}, and these with best_ before them."
        )


def _row(
    a: Arm, b: Arm, metric: str, lucks: tuple[SelectionBias, SelectionBias], of: int
) -> dict[str, Any]:
    """Return one comparison of so many, but for what depends on the others."""
    difference, train = Difference.of(a, b, metric), Difference.of(a, b, "train_loss")
    found = difference.found
    choice = float(np.add(lucks[0].variance, lucks[1].variance))
    level, seen = estimates.ALPHA / of, float(sober(found, *lucks))
    seeds_needed, settles = difference.needed(level, seen, choice)
    return {
        **{"a": a.name, "b": b.name, "metric": metric},
        **{"estimate": float(found.value)},
        **{"ci_low": float(found.low), "ci_high": float(found.high)},
        **{"n": difference.n, "n_a": len(difference.a), "n_b": len(difference.b)},
        "p_value": float(found.p_value),
        "p_choice": float(p_choice(found, *lucks)),
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


@accepts_table
def best_settings(runs: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Return each optimizer's best setting, with its mean and 95 % interval over seeds.

    Args:
        runs: Rows of `labelled`.
        metric: A metric's column; None takes each problem's test error (regression: loss).

    Returns:
        Columns ``problem``, ``optimizer``, the settings, ``metric``, ``estimate``, ``ci_low`` and
        ``ci_high`` (cut to what is possible), ``n`` (seeds that ended), ``diverged``, ``fresh``.
        Where ``fresh`` is false the mean is over the seeds that chose the setting, and looks better
        than it is.

    Raises:
        ConfigError: As `comparisons`.
    """
    check_metrics([metric] if metric else [])
    best, settings, rows = chosen(runs), setting_columns(runs), []
    for (problem, optimizer), group in best.groupby([*PROBLEM, "optimizer"], sort=False):
        measured = metric or f"test_{measure_of(best[best['problem'] == problem])}"
        values = group.groupby("seed")[measured].last().astype(float).dropna()
        found = estimates.mean(np.asarray(values, np.float64)) if len(values) else estimates.NOTHING
        ends = [float(found.low), float(found.high)]
        rows.append(
            {
                **{"problem": problem, "optimizer": optimizer},
                **{c: group[c].iloc[0] for c in settings},
                **{"metric": measured, "estimate": float(found.value)},
                **dict(zip(("ci_low", "ci_high"), np.clip(ends, *possible(measured)), strict=True)),
                "n": len(values),
                "diverged": int((group["status"] == "diverged").sum()),
                "fresh": bool(group["fresh"].all()),
            }
        )
    return pd.DataFrame(rows)
