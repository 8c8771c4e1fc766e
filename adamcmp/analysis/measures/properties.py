"""Properties beyond the verdict: sensitivity to lr and wd, cost of tuning, speed, overfitting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pandas as pd

from adamcmp.analysis.contrasts import COLUMNS, differences_from_lowest
from adamcmp.analysis.estimates import ALPHA
from adamcmp.analysis.example_variance import ExamplePart
from adamcmp.analysis.loss_levels import at_levels, curves_of_selected
from adamcmp.analysis.measures.measure import Measure
from adamcmp.analysis.measures.tuning_curves import curves_by_seed
from adamcmp.analysis.outcomes import examples_of_difference
from adamcmp.analysis.pairing import data_vary_with_seed
from adamcmp.analysis.profiles import (
    distance_to_edge,
    fails_from,
    has_profile,
    largest_excess,
    mean_excess,
)
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import SettingMatrix, at_selected, selectable, setting_matrices

#: Numbers of random settings at which tuning curves are compared.
TRIALS = (1, 4)
#: An error is close to the best if it exceeds it by at most this share.
_CLOSE = 0.1
#: The smallest distance from the best lr or wd over which sensitivities are compared, in decades.
_MIN_DECADES = 0.3


@dataclass(frozen=True)
class _Property:
    """The values of a property of all optimizers of a problem; lower is better.

    Attributes:
        name: The property.
        metric: The metric in whose unit the values are; "" for log10 of epochs.
        condition: The number of trials, the factor from the best lr or wd, or the training loss.
        values: The values by seed, of each optimizer.
        matrices: Each optimizer's settings, for sensitivities.
    """

    name: str
    metric: str
    condition: float
    values: dict[str, pd.Series[float]]
    matrices: dict[str, SettingMatrix] = field(default_factory=dict)


def properties(table: RunTable) -> pd.DataFrame:
    """Compare the optimizer with the lowest value of each property with each other one.

    Values are per seed, and differences are paired over shared seeds, of which four are needed:

    - ``lr sensitivity``, ``wd sensitivity``: the mean of the test error (regression: loss) minus
      that at the best setting, over log lr or log wd within the same factor of each optimizer's
      best value, with the other at the value selected on validation. The factor (``condition``) is
      the largest that the values of all compared optimizers cover to both sides; an optimizer whose
      best value is an end of its values is left out. Each seed
      selects its own settings.
    - ``tuning``: the expected test error of the best of ``condition`` random settings
      (`adamcmp.analysis.tuning_curves`).
    - ``training speed``: the epochs until the runs of the best settings first reach the training
      loss ``condition``, the lowest that all reach. ``estimate`` is the ratio of epochs, the
      geometric mean over seeds; ``value`` the geometric mean of the fastest.
    - ``overfitting``: the gap between test and training error (regression: loss) at this loss.

    Where the outcomes on single test examples are stored, intervals in units of the test metric
    include the part of the test examples in the difference of the best settings' final metric.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> rows = properties(table)
    >>> rows[["property", "condition", "optimizer", "over", "value", "estimate"]].round(3)
             property  condition optimizer     over  value  estimate
    0  lr sensitivity    100.000     adamw  adam_l2  0.015     0.027
    1  wd sensitivity    100.000   adam_l2    adamw  0.007     0.008
    2          tuning      1.000     adamw  adam_l2  0.240     0.067
    3          tuning      4.000     adamw  adam_l2  0.215     0.016
    4  training speed      0.336     adamw  adam_l2  8.033     1.196
    5     overfitting      0.336   adam_l2    adamw  0.125     0.054

    Returns:
        One row per problem, property and other optimizer: problem, property, metric, condition;
        the columns of `adamcmp.analysis.contrasts.differences_from_lowest`; for sensitivities also
        ``stays_within``, by how much the error of ``optimizer`` exceeds its best error at most, at
        all values that were tried (NaN if it is above 10 % of the best error), and ``fails_from``,
        the smallest value from which on ``over`` does not train.
    """
    table = table.with_paired_seeds
    tables = [pd.DataFrame(columns=_COLUMNS)]
    for problem, subtable in table.by_problem():
        data = data_vary_with_seed(subtable.runs)
        for compared in _properties(subtable):
            part = partial(_example_part, selectable(subtable), compared.metric)
            families = len(TRIALS) if compared.name == "tuning" else 1
            rows = differences_from_lowest(compared.values, part, families, data=data)
            rows = rows if compared.metric else _as_ratios(rows)
            keys = {"problem": problem, "property": compared.name, "metric": compared.metric}
            tables.append(_with_bounds(rows, compared).assign(**keys)[_COLUMNS])
    return pd.concat([t for t in tables if len(t)] or tables, ignore_index=True)


_COLUMNS = [
    *("problem", "property", "metric", "condition"),
    *COLUMNS,
    *("stays_within", "fails_from"),
]


def _properties(table: RunTable) -> Iterator[_Property]:
    """Yield the properties of the optimizers of one problem."""
    matrices = list(setting_matrices(at_selected(table)))
    for column in ("lr", "wd"):
        yield from _sensitivity(matrices, column, table.metric())
    curves = curves_by_seed(table)
    for trials in TRIALS:
        sizes = curves.groupby("optimizer")["k"].transform("max")
        # The best of all settings does not depend on a draw, so it is left out.
        values = _by_optimizer(curves[(curves["k"] == trials) & (sizes > trials)], "value")
        yield _Property("tuning", table.metric(), trials, values)
    gap = "gap_loss" if table.metric().endswith("loss") else "gap_error"
    yield from _at_lowest_loss(table, gap)


def _sensitivity(matrices: list[SettingMatrix], column: str, metric: str) -> Iterator[_Property]:
    positive = [m.where((m.settings[column] > 0).to_numpy(bool)) for m in matrices]
    inside = {
        matrix.optimizer: matrix
        for matrix in positive
        if has_profile(matrix, column)
        and distance_to_edge(matrix, column) >= _MIN_DECADES
        and len(matrix.seeds) > 1
    }
    if len(inside) < 2:
        return
    decades = min(distance_to_edge(matrix, column) for matrix in inside.values())
    values = {name: _mean_excesses(matrix, column, decades) for name, matrix in inside.items()}
    yield _Property(f"{column} sensitivity", metric, 10**decades, values, inside)


def _mean_excesses(matrix: SettingMatrix, column: str, decades: float) -> pd.Series[float]:
    """Return the mean excess of each seed, whose settings are selected on its own validation.

    With settings that all seeds select together, values of seeds would not be independent.
    """
    of_seeds = (matrix.at_seeds(np.array([i])) for i in range(len(matrix.seeds)))
    excesses = [mean_excess(of_seed, column, decades) for of_seed in of_seeds]
    return pd.Series(excesses, list(matrix.seeds))


def _at_lowest_loss(table: RunTable, gap: str) -> Iterator[_Property]:
    """Yield the speed and the overfitting at the lowest training loss that all runs reach."""
    curves = curves_of_selected(table, ["epoch", gap])
    for at_loss in list(at_levels(curves, ["epoch", gap]))[-1:]:
        loss = float(at_loss["train_loss"].iloc[0])
        epochs = at_loss["epoch"].astype(float).where(lambda epoch: epoch > 0)
        logs = _by_optimizer(at_loss.assign(log=np.log10(epochs)), "log")
        yield _Property("training speed", "", loss, logs)
        yield _Property("overfitting", gap, loss, _by_optimizer(at_loss, gap))


def _by_optimizer(rows: pd.DataFrame, column: str) -> dict[str, pd.Series[float]]:
    return {
        str(name): group.set_index("seed")[column].astype(float)
        for name, group in rows.groupby("optimizer", sort=False)
    }


def _example_part(table: RunTable, metric: str, a: str, b: str) -> ExamplePart | None:
    """Return the part of the test examples in the difference of two best settings' final metric."""
    selected = table.selected()
    done = selected[selected["status"] == "done"].drop_duplicates(["optimizer", "seed"])
    ids = done.pivot(index="seed", columns="optimizer", values="run_id")
    if not metric or not {a, b} <= set(ids):
        return None
    shared = ids[[a, b]].dropna()
    return examples_of_difference(table, shared[a], shared[b], metric, paired=True)


def _with_bounds(rows: pd.DataFrame, compared: _Property) -> pd.DataFrame:
    """Add the condition, and what the profiles of sensitivities show."""
    column, matrices = compared.name[:2], compared.matrices
    bounds = {name: _bound_if_close(matrix, column) for name, matrix in matrices.items()}
    failing = {name: fails_from(matrix, column) for name, matrix in matrices.items()}
    return rows.assign(
        condition=float(compared.condition),
        stays_within=rows["optimizer"].map(bounds).astype(float),
        fails_from=rows["over"].map(failing).astype(float),
    )


def _bound_if_close(matrix: SettingMatrix, column: str) -> float:
    """Return the bound of the excess at every value; NaN if it is not close to the best."""
    bound = largest_excess(matrix, column)
    return bound if bound <= _CLOSE * matrix.test[matrix.best].mean() else float("nan")


def _as_ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return differences of log10 as ratios, and log10 of epochs as epochs."""
    columns = ["value", "estimate", "ci_low", "ci_high"]
    return rows.assign(**{column: 10 ** rows[column] for column in columns})


def _headline(rows: pd.DataFrame) -> str:
    count = int((rows["p_adjusted"] < ALPHA).sum())
    return f"{count} of {len(rows)} differences are significant."


PROPERTIES = Measure(
    "properties",
    "Sensitivity, tuning, speed and overfitting",
    "For each property, the optimizer with the lowest value (the best one) and its differences "
    "from the others, paired over seeds. Sensitivity: the mean error above the best, with lr or wd "
    "within a factor (at) of the best; each seed selects its own settings. Tuning: the expected "
    "error of the best of some random settings (at). Speed: the epochs to a training loss (at), "
    "whose difference is a ratio. Overfitting: the gap at this training loss. p (corrected): "
    "Bonferroni's correction over all pairs of optimizers; each property is a family of tests of "
    "its own. Intervals over seeds (Student's t), and over test examples where their outcomes are "
    "stored.",
    properties,
    _headline,
    "two optimizers with four shared, paired seeds on one problem",
    # Without the column metric, by which the page filters rows.
    {"problem": "problem", "property": "property", "condition": "at"}
    | {"optimizer": "best", "over": "other"}
    | {"estimate": "other − best", "n": "seeds", "p_adjusted": "p (corrected)"},
    order=35,
)
