"""What luck in choosing a setting can do to a comparison.

Settings are chosen on few seeds. Chosen anew, on other seeds, the choice may fall on another
setting, which is truly a little better or worse: the difference of two chosen settings varies more
than its interval over seeds says. And a setting that won by luck on validation was lucky on the
test set too, on the same seeds: an optimizer that had more settings looks better than it is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adamcmp.analysis.estimates import Estimate, Floats, two_sided

#: How often settings are chosen anew.
DRAWS = 1000
#: The best settings, whose spread over seeds counts: those that can be chosen.
CONTENDERS = 8


class SelectionBias(NamedTuple):
    """What choosing did to a side.

    Attributes:
        optimism: By how much the chosen setting looks higher than it is on the seeds that are
            reported; 0 where they did not choose.
        variance: Variance of the chosen setting's true mean, were it chosen on other seeds; 0
            where the seeds that chose are reported, whose own spread has it.
    """

    optimism: npt.ArrayLike
    variance: npt.ArrayLike


NONE = SelectionBias(0.0, 0.0)


def luck(
    validation: Floats, metric: Floats, fresh: bool, alone: npt.ArrayLike = np.nan
) -> SelectionBias:
    """Return what luck choosing had, by choosing anew many times (parametric bootstrap).

    Validation means are drawn around those that were seen, with the spread over seeds that is left
    when what a seed does to all settings is taken away, pooled over the best settings; each time
    the lowest is chosen. For the optimism the means are first drawn together by the share of their
    variance that is noise, so that equal settings compete as equals; what is won carries over to
    `metric` by the regression of the one's residuals on the other's (Efron & Tibshirani 1993, An
    Introduction to the Bootstrap, ch. 17, on optimism). The draws are the same each time, so that
    equal data give equal answers.

    Args:
        validation: What was chosen by, lower is better; shape (..., settings, seeds), no NaN.
        metric: What is compared, of the same runs.
        fresh: Whether other seeds are reported than these.
        alone: Standard deviation over seeds of one setting's validation metric, for where one seed
            alone chose.
    """
    settings, seeds = validation.shape[-2:]
    if settings < 2:
        return NONE
    means = validation.mean(axis=-1)
    best = np.argsort(means, axis=-1, kind="stable")[..., :CONTENDERS, None]
    own, other = (_residuals(np.take_along_axis(x, best, axis=-2)) for x in (validation, metric))
    squares, df = (own**2).sum(axis=(-2, -1)), (best.shape[-2] - 1) * (seeds - 1)
    noise = np.sqrt(squares / df / seeds) if df else np.nan_to_num(alone)
    drawn = np.random.default_rng(0).standard_normal((DRAWS, settings)) * noise[..., None, None]
    if fresh:
        chosen = (means[..., None, :] + drawn).argmin(axis=-1)
        values = np.take_along_axis(metric.mean(axis=-1), chosen, axis=-1)
        # The means that are drawn around are off by as much as what is drawn: half is theirs.
        return SelectionBias(0.0, values.var(axis=-1) / 2)
    chosen = (_shrunken(means, noise)[..., None, :] + drawn).argmin(axis=-1)
    won = np.take_along_axis(drawn, chosen[..., None], axis=-1)[..., 0].mean(axis=-1)
    with np.errstate(invalid="ignore"):
        slope = np.nan_to_num((own * other).sum(axis=(-2, -1)) / squares)
    return SelectionBias(slope * won, 0.0)


def _shrunken(means: Floats, noise: Floats) -> Floats:
    """Return means drawn together by the share of their variance that is noise (James & Stein)."""
    spread = np.maximum(means.var(axis=-1, ddof=1), np.finfo(float).tiny)
    kept = np.clip(1 - noise**2 / spread, 0, 1)[..., None]
    middle = means.mean(axis=-1, keepdims=True)
    return np.asarray(middle + kept * (means - middle))


def _residuals(values: Floats) -> Floats:
    """Return values less their setting's and their seed's mean."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(centred - centred.mean(axis=-2, keepdims=True))


def p_choice(found: Estimate, a: SelectionBias, b: SelectionBias) -> Floats:
    """Return the p-value of a difference, a minus b, with an allowance for the luck of choosing.

    The variances of choosing anew are added to the difference's, and optimism is taken from it.
    """
    error = np.sqrt(found.error**2 + np.add(a.variance, b.variance))
    return two_sided(sober(found, a, b), error, found.df)


def sober(found: Estimate, a: SelectionBias, b: SelectionBias) -> Floats:
    """Return the size of a difference less the optimism in it, as far as that makes it smaller."""
    sign = np.where(found.value < 0, -1.0, 1.0)
    gift = np.maximum(0, sign * np.subtract(a.optimism, b.optimism))
    return np.asarray(np.maximum(0, sign * found.value - gift))
