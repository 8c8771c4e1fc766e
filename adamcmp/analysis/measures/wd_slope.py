"""The slope of the best weight decay over the learning rate, on log axes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis import estimates
from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure, column_headings
from adamcmp.analysis.measures.stability_frontier import TRAINS
from adamcmp.analysis.measures.surface import basin, surface_matrices
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import SettingMatrix
from adamcmp.analysis.wording import display_name, join_names

#: Minimum number of learning rates, and of weight decays at each.
MIN_VALUES = 3


def wd_slope(table: RunTable) -> pd.DataFrame:
    """Return the slope of log best wd over log lr.

    For each seed, a line is fitted by least squares to the logarithm of the wd that is best on
    validation at each lr; of equally good ones, the smallest. It needs no threshold for a basin.
    Learning rates that do not train are left out: those at which the best mean on validation is
    closer to the divergence penalty than to the lowest mean. At slope 0 the best wd does not depend
    on lr; at −1 the best lr·wd does not.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> wd_slope(table)[["optimizer", "estimate", "ci_low", "ci_high", "n", "lrs"]].round(2)
      optimizer  estimate  ci_low  ci_high  n  lrs
    0   adam_l2     -0.94   -1.11    -0.77  5    4
    1     adamw     -0.00     NaN      NaN  5    5

    Returns:
        One row per problem and optimizer: problem, optimizer; estimate, ci_low, ci_high, n (seeds);
        lrs, the number of learning rates; at_edge, the share of best wd that are the smallest or
        largest tried, beyond which there may be better ones. Then the slope is closer to 0 than it
        would be on a larger grid. Optimizers with fewer than three lr that train, or three wd at
        one of them, have no row.
    """
    rows = []
    for matrix in surface_matrices(table):
        x, best, at_edge = _best_wd(matrix.where(_at_lr_that_trains(matrix)))
        if len(x) >= MIN_VALUES:
            slopes = np.polyfit(x, best, 1)[0]
            mean = estimates.mean(slopes)
            interval = (float(mean.value), float(mean.low), float(mean.high), len(slopes))
            rows.append(
                (matrix.problem, matrix.optimizer, *interval, len(x), float(at_edge.mean()))
            )
    return pd.DataFrame(rows, columns=[*GROUP, *ESTIMATE_COLUMNS, "lrs", "at_edge"])


def _at_lr_that_trains(matrix: SettingMatrix) -> NDArray[np.bool_]:
    lr = matrix.settings["lr"]
    result: NDArray[np.bool_] = lr.isin(set(lr[basin(matrix, TRAINS)])).to_numpy()
    return result


def _best_wd(matrix: SettingMatrix) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return log10 of each lr, log10 of the best wd there, and whether that is at an end of the wd.

    Returns:
        Arrays of shape (lr,), (lr, seeds) and (lr, seeds); empty if an lr has too few wd.
    """
    order = np.argsort(matrix.settings["wd"].to_numpy(float), kind="stable")
    lr, wd = (matrix.settings[c].to_numpy(float)[order] for c in ("lr", "wd"))
    values, counts = np.unique(lr, return_counts=True)
    if counts.min() < MIN_VALUES:
        empty = np.empty((0, len(matrix.seeds)))
        return np.empty(0), empty, empty.astype(bool)
    places = [matrix.val[order][lr == value].argmin(axis=0) for value in values]
    best = [wd[lr == value][place] for value, place in zip(values, places, strict=True)]
    ends = [(p == 0) | (p == count - 1) for p, count in zip(places, counts, strict=True)]
    return np.log10(values), np.log10(best), np.array(ends)


def _headline(rows: pd.DataFrame) -> str:
    """Return for which optimizers the best wd falls or rises with lr."""
    signs = np.sign(rows["ci_low"]).where(rows["ci_low"] * rows["ci_high"] > 0, 0)
    texts = {-1: "falls with lr for", 1: "rises with lr for", 0: "no dependence on lr detected for"}
    parts = [
        f"{text} {join_names(map(display_name, rows.loc[signs == sign, 'optimizer']))}"
        for sign, text in texts.items()
        if (signs == sign).any()
    ]
    return f"Best weight decay: {'; '.join(parts)}."


WD_SLOPE = Measure(
    "wd_slope",
    "Slope of the best weight decay over the learning rate",
    "The slope of the logarithm of the best wd over that of lr, fitted for each seed to the wd "
    "that validation selects at each lr that trains. 0: the best wd does not depend on lr; −1: the "
    "best lr·wd does not. At edge: the share of best wd at an end of the grid, where a better one "
    "may be beyond. Intervals over seeds (Student's t).",
    wd_slope,
    _headline,
    "an optimizer's grid of three lr that train by three wd above 0, with a validation split",
    column_headings(estimate="slope", n="seeds", lrs="lr", at_edge="at edge"),
    order=55,
)
