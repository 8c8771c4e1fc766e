"""Profiles of an optimizer over lr or wd: at each value, the setting selected on validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import Estimate, Floats
from adamcmp.analysis.setting_matrix import SettingMatrix


def has_profile(matrix: SettingMatrix, column: str) -> bool:
    """Return whether a value of lr or wd is shared by several settings, or is all that varied."""
    values = matrix.settings[column].nunique()
    other = matrix.settings["wd" if column == "lr" else "lr"]
    return bool(values > 1 and (values < len(matrix.test) or other.nunique() == 1))


def profile(matrix: SettingMatrix, column: str) -> tuple[Floats, NDArray[np.intp]]:
    """Return log10 of each value of lr or wd, and the index of the setting selected there.

    Args:
        matrix: The settings.
        column: ``"lr"`` or ``"wd"``.

    Returns:
        Arrays of shape (values,), by ascending value.
    """
    ordered = matrix.settings[column].to_numpy(float)[matrix.order]
    # `return_index` gives the first occurrence of a value, which is its best setting.
    values, best = np.unique(ordered, return_index=True)
    return np.log10(values), matrix.order[best]


def distance_to_edge(matrix: SettingMatrix, column: str) -> float:
    """Return the decades between the best value of lr or wd and the closer end of the values."""
    positions, _ = profile(matrix, column)
    best = np.log10(float(matrix.settings[column].iloc[matrix.best]))
    return float(min(best - positions[0], positions[-1] - best))


def mean_excess(matrix: SettingMatrix, column: str, decades: float) -> float:
    """Return the mean of profile − best over the values near the best one.

    Args:
        matrix: The settings.
        column: ``"lr"`` or ``"wd"``.
        decades: How far the values are from the best one, to both sides. The mean is over log lr or
            log wd, and the profile is linear between the values that were tried.
    """
    positions, settings = profile(matrix, column)
    means = matrix.test.mean(axis=1)
    best = np.log10(float(matrix.settings[column].iloc[matrix.best]))
    ends = np.clip([best - decades, best + decades], positions[0], positions[-1])
    inside = positions[(positions > ends[0]) & (positions < ends[1])]
    points = np.concatenate([ends[:1], inside, ends[1:]])
    excess = np.interp(points, positions, means[settings]) - means[matrix.best]
    return float(trapezoid(excess, points) / np.ptp(points))


def largest_excess(matrix: SettingMatrix, column: str) -> float:
    """Return a bound of profile − best at every value: the largest upper end of their intervals.

    Where all seeds have the same excess, such as 0 at the best value, it is its own bound.
    """
    _, excess = _excess(matrix, column)
    return float(np.max(np.where(np.isnan(excess.high), excess.value, excess.high)))


def fails_from(matrix: SettingMatrix, column: str) -> float:
    """Return the smallest value of lr or wd from which on no setting trains.

    A value fails if the test error there is significantly closer to the divergence penalty than to
    the best. Values are tested from the largest one down, so no correction is needed.

    Returns:
        NaN if the largest value does not fail.
    """
    positions, excess = _excess(matrix, column)
    half = (matrix.penalty - matrix.test[matrix.best].mean()) / 2
    # If all seeds diverge, the excess may have no spread and so no interval.
    fails = np.where(np.isnan(excess.low), excess.value, excess.low) > half
    failing = len(fails) - (int(np.argmin(fails[::-1])) if not fails.all() else len(fails))
    return float(10 ** positions[failing]) if failing < len(fails) else float("nan")


def _excess(matrix: SettingMatrix, column: str) -> tuple[Floats, Estimate]:
    """Return log10 of each value, and the paired difference profile − best there."""
    positions, settings = profile(matrix, column)
    return positions, estimates.mean(matrix.test[settings] - matrix.test[matrix.best])
