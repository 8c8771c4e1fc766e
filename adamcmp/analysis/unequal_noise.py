"""The noise of two optimizers, whose size matters for the test of their difference.

Student's test assumes normal noise. Skewness cancels in a difference if both optimizers have the
same noise. If one has more, and its noise is skewed, the test claims too much: a few seeds often
include none of the rare bad ones, and then both the mean and the standard deviation are too small.
Such seeds do not show that the noise is skewed, but they may show that it has different sizes. The
thresholds below are from simulations (``scripts/simulate_verdicts families``): in at most
about 6 % of studies without a difference (standard error 0.5 %), a difference is claimed without a
note that it is uncertain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from adamcmp.analysis.estimates import ALPHA, Floats
from adamcmp.analysis.wording import display_name

#: The noise of two optimizers counts as different from this ratio on.
UNEQUAL = 1.4
#: In simulations with skewed noise, studies without a difference have a smaller corrected p at most
#: as often as `ALPHA` allows.
STRONG = ALPHA / 50
#: The largest ratio that is written as a number.
_LARGEST = 10.0


def noise_ratio(a: Floats, b: Floats, paired: bool) -> Floats:
    """Return the standard deviation of the noise of a, divided by that of b.

    If seeds are paired, the noise is what the two do not share (Grubbs 1948, JASA 43, 243-264): its
    variance is the covariance of an optimizer with the difference. The estimate of a variance may
    be negative, and counts as 0.

    >>> a, b = np.array([0.20, 0.24, 0.21, 0.25]), np.array([0.21, 0.22, 0.21, 0.23])
    >>> print(f"{noise_ratio(a, b, paired=False):.1f}")
    2.5

    Args:
        a: Values of a, shape (..., seeds).
        b: Values of b, likewise; if `paired`, of the same seeds in the same order.
        paired: Whether a and b share seeds.

    Returns:
        Shape (...); infinity if b has no noise, and NaN for one seed or if neither has any.
    """
    if min(a.shape[-1], b.shape[-1]) < 2:
        return np.full(a.shape[:-1], np.nan)
    if paired:
        difference = a - b
        variances = _covariance(a, difference), _covariance(b, -difference)
    else:
        variances = a.var(axis=-1, ddof=1), b.var(axis=-1, ddof=1)
    variance_a, variance_b = (np.maximum(variance, 0) for variance in variances)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.sqrt(np.divide(variance_a, variance_b))
    return ratio


def _covariance(x: Floats, y: Floats) -> Floats:
    centred = (x - x.mean(axis=-1, keepdims=True)) * (y - y.mean(axis=-1, keepdims=True))
    covariance: Floats = centred.sum(axis=-1) / (x.shape[-1] - 1)
    return covariance


def is_uncertain(ratio: Floats, p_value: Floats) -> Floats:
    """Return whether skewed noise might explain that p is below the level.

    >>> is_uncertain(np.array([0.4, 1.2, 3.0]), np.array([0.03, 0.03, 0.0002])).tolist()
    [True, False, False]

    Args:
        ratio: The result of `noise_ratio`.
        p_value: The p-value of the difference after correction.
    """
    unequal = (ratio >= UNEQUAL) | (ratio <= 1 / UNEQUAL)
    return np.asarray(unequal & (p_value >= STRONG))


def noise_note(row: Mapping[str, Any]) -> str:
    """Return how skewed noise could explain a significant difference; empty if it could not.

    Args:
        row: One row of `adamcmp.analysis.comparisons`.
    """
    if row["evidence"] != "difference":
        return ""
    if is_uncertain(row["noise_ratio"], row["p_holm"]):
        return f" {_comparison(row)}: if it is skewed, p is too small."
    if not row["paired"] and row["n_a"] != row["n_b"] and row["p_holm"] >= STRONG:
        return " The numbers of seeds differ: if noise is skewed, p is too small."
    return ""


def _comparison(row: Mapping[str, Any]) -> str:
    """Return how many times as large the noise of one optimizer is as that of the other."""
    a, b = display_name(row["a"]), display_name(row["b"])
    ratio, more, less = row["noise_ratio"], a, b
    if ratio < 1:
        ratio, more, less = (1 / ratio if ratio else np.inf), b, a
    times = f"{ratio:.1f}" if ratio <= _LARGEST else f"more than {_LARGEST:.0f}"
    return f"The noise of {more} is {times} times that of {less}"
