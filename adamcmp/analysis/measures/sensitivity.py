"""Sensitivity: how wide the region of good settings is, and what an untuned lr costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.headlines import span
from adamcmp.analysis.intervals import jackknife
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure, Range
from adamcmp.analysis.profiles import has_profile, profile
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import SettingMatrix, at_selected, setting_matrices

#: A setting is good if its value exceeds the best one by at most this share.
GOOD = 0.05

#: estimate, ci_low, ci_high, n
_Interval = tuple[float, float, float, int]
#: estimate, ci_low, ci_high, n, at_edge, decades
_Row = tuple[float, float, float, int, bool, float]


def sensitivity(table: RunTable) -> pd.DataFrame:
    """Return how wide each optimizer's region of good settings is.

    Values are means over seeds. The best setting is selected on validation; a setting is good when
    its test error (regression: loss) is at most 5 % above that of the best. A *profile* over lr or
    wd takes, at each value, the setting selected on validation. Diverged runs are penalized
    (`adamcmp.analysis.setting_matrix`). Measures:

    - ``good share``: the share of all settings that are good.
    - ``lr decades``: the length of log10 lr over which the profile is good, interpolated linearly.
    - ``wd decades``: the same over wd > 0.
    - ``lr sensitivity``: the mean of profile − best over the range of log lr (Wortsman et al. 2023,
      arXiv 2309.14322, who use the loss). Compare it only between equal numbers of decades.

    The last three need several values of lr or wd, each shared by several settings or the only
    setting that varied; a search has none. Intervals are the jackknife's over seeds, clipped to
    the measure's range.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> sensitivity(table)[["optimizer", "measure", "estimate", "n"]].round(3)
      optimizer         measure  estimate  n
    0   adam_l2      good share     0.280  5
    1     adamw      good share     0.200  5
    2   adam_l2      lr decades     2.609  5
    3   adam_l2  lr sensitivity     0.039  5
    4   adam_l2      wd decades     3.050  5
    5     adamw      lr decades     2.000  5
    6     adamw  lr sensitivity     0.015  5
    7     adamw      wd decades     2.000  5

    Returns:
        One row per problem, optimizer and measure: problem, optimizer, measure; estimate, ci_low,
        ci_high, n (seeds); at_edge, whether the good region reaches an end of the tried values, so
        may continue beyond; decades, of the tried values.
    """
    rows: list[tuple[str, str, str, *_Row]] = []
    for matrix in setting_matrices(table):
        if len(matrix.test) > 1:
            share = _with_interval(_good_share, matrix, 1.0)
            rows.append((matrix.problem, matrix.optimizer, "good share", *share, False, np.nan))
    for matrix in setting_matrices(at_selected(table)):
        for column in ("lr", "wd"):
            positive = matrix.where((matrix.settings[column] > 0).to_numpy(bool))
            if has_profile(positive, column):
                for measure, row in _along(positive, column):
                    rows.append((matrix.problem, matrix.optimizer, measure, *row))
    columns = [*GROUP, "measure", *ESTIMATE_COLUMNS, "at_edge", "decades"]
    return pd.DataFrame(rows, columns=columns)


def _along(matrix: SettingMatrix, column: str) -> list[tuple[str, _Row]]:
    """Return the measures along lr or wd."""
    positions, excess = _excess_over_good(matrix, column)
    decades = float(np.ptp(positions))
    ends = (bool(excess[0] <= 0 or excess[-1] <= 0), decades)
    width = _with_interval(partial(_good_decades, column=column), matrix, decades)
    rows: list[tuple[str, _Row]] = [(f"{column} decades", (*width, *ends))]
    if column == "lr":
        rows.append(("lr sensitivity", (*_with_interval(_lr_sensitivity, matrix, np.inf), *ends)))
    return rows


def _with_interval(
    measure: Callable[[SettingMatrix], float], matrix: SettingMatrix, most: float
) -> _Interval:
    """Return a measure between 0 and `most` with its interval and the number of seeds."""
    n = len(matrix.seeds)
    estimate, low, high = jackknife(lambda seeds: measure(matrix.at_seeds(seeds)), n)
    # The sensitivity to lr may be negative; see the caption of `SENSITIVITY`.
    low, high = np.clip([low, high], min(estimate, 0.0), most)
    return estimate, float(low), float(high), n


def _good_share(matrix: SettingMatrix) -> float:
    test = matrix.test.mean(axis=1)
    return float((test <= (1 + GOOD) * test[matrix.best]).mean())


def _excess_over_good(matrix: SettingMatrix, column: str) -> tuple[Floats, Floats]:
    """Return log10 of the values of lr or wd, and the profile minus the bound of good values."""
    positions, settings = profile(matrix, column)
    means = matrix.test.mean(axis=1)
    return positions, means[settings] - (1 + GOOD) * means[matrix.best]


def _good_decades(matrix: SettingMatrix, column: str) -> float:
    positions, excess = _excess_over_good(matrix, column)
    # The excess is linear between neighbours: `share` is the part of the interval below 0.
    low, high = np.minimum(excess[:-1], excess[1:]), np.maximum(excess[:-1], excess[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(high <= 0, 1.0, np.clip(-low / (high - low), 0, 1))
    return float(np.diff(positions) @ np.where(low > 0, 0.0, share))


def _lr_sensitivity(matrix: SettingMatrix) -> float:
    positions, settings = profile(matrix, "lr")
    means = matrix.test.mean(axis=1)
    area = trapezoid(means[settings] - means[matrix.best], positions)
    return float(area / np.ptp(positions))


def _with_metric(table: RunTable) -> pd.DataFrame:
    """Return `sensitivity` with the metric in whose unit an estimate is, "" for other units."""
    rows = sensitivity(table)
    metrics = rows["problem"].map(table.metric)
    return rows.assign(metric=metrics.where(rows["measure"] == "lr sensitivity", ""))


def _headline(rows: pd.DataFrame) -> str:
    share = rows[rows["measure"] == "good share"].set_index("optimizer")["estimate"]
    return f"Share of settings that are good: {span(share, '.2f')}."


def _possible_range(rows: pd.DataFrame) -> Range:
    """Return the ranges of the share and of the widths; the sensitivity to lr has none."""
    highest = rows["decades"].where(rows["measure"] != "lr sensitivity", np.inf)
    return 0.0, highest.mask(rows["measure"] == "good share", 1.0)


SENSITIVITY = Measure(
    "sensitivity",
    "Sensitivity to settings",
    "The size of the region of good settings, whose error is at most 5 % above the best: its share "
    "of all settings, and its width in decades of lr and of wd, with the other at its best value. "
    "lr sensitivity: the mean excess over the best error along the range of log lr; negative if "
    "the setting selected on validation is not the best one. A region that reaches an end of the "
    "grid may continue beyond it (at_edge in the csv file). Jackknife intervals over seeds.",
    _with_metric,
    _headline,
    "several settings of an optimizer, with a validation split",
    {"problem": "problem", "optimizer": "optimizer", "measure": "", "estimate": ""},
    pivot="measure",
    order=90,
    possible_range=_possible_range,
)
