"""The effect of selection on few seeds on the comparison of the selected settings.

Other seeds might have selected another setting, with a slightly better or worse true mean. So the
difference of two selected settings varies more than its interval over seeds shows. In addition, a
setting that was selected because of noise on validation benefits from the same noise on the test
set, on the same seeds. This favors the optimizer with more settings.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adamcmp.analysis.estimates import Estimate, Floats, two_sided

#: Bootstrap draws of the selection.
DRAWS = 1000
#: Number of best settings over which the noise is pooled: those that may be selected.
CONTENDERS = 8


class SelectionBias(NamedTuple):
    """The bias and the variance that selection adds to the mean of an arm.

    Attributes:
        optimism: How much higher the selected setting's mean is than its true mean on the reported
            seeds; 0 if these took no part in the selection.
        variance: Variance of the selected setting's true mean over selections on other seeds; 0
            if the selection seeds are reported, since their spread includes it.
    """

    optimism: npt.ArrayLike
    variance: npt.ArrayLike


NO_BIAS = SelectionBias(0.0, 0.0)


def selection_bias(
    validation: Floats, metric: Floats, fresh: bool, single_setting_sd: npt.ArrayLike = np.nan
) -> SelectionBias:
    """Estimate the selection bias by repeating the selection (parametric bootstrap).

    Validation means are drawn around the observed ones with the spread over seeds that remains
    after the effect of a seed on all settings is removed, pooled over the best settings; the
    lowest mean is selected. For the optimism, the observed means are first shrunk by the share of
    their variance that is noise, so that equally good settings are equally likely to be selected.
    The noise of the selected mean carries over to `metric` by the regression of its residuals on
    those of validation (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 17,
    on optimism).
    The random draws are fixed: equal data give equal results.

    Args:
        validation: The metric of the selection, lower is better; (..., settings, seeds), no NaN.
        metric: The metric to compare, of the same runs.
        fresh: Whether the reported seeds took no part in the selection.
        single_setting_sd: Standard deviation over seeds of one setting's validation metric, used
            if there is a single selection seed.
    """
    settings, seeds = validation.shape[-2:]
    if settings < 2:
        return NO_BIAS
    means = validation.mean(axis=-1)
    best = np.argsort(means, axis=-1, kind="stable")[..., :CONTENDERS, None]
    val_residuals, metric_residuals = (
        _residuals(np.take_along_axis(x, best, axis=-2)) for x in (validation, metric)
    )
    squares = (val_residuals**2).sum(axis=(-2, -1))
    # The residuals of a two-way table lose a degree of freedom for each setting and each seed.
    df = (best.shape[-2] - 1) * (seeds - 1)
    # The standard error of the mean of a setting.
    noise = np.sqrt(squares / df / seeds) if df else np.nan_to_num(single_setting_sd)
    drawn = np.random.default_rng(0).standard_normal((DRAWS, settings)) * noise[..., None, None]
    if fresh:
        return SelectionBias(0.0, _variance(means, metric.mean(axis=-1), drawn))
    with np.errstate(invalid="ignore"):
        slope = np.nan_to_num((val_residuals * metric_residuals).sum(axis=(-2, -1)) / squares)
    return SelectionBias(slope * _mean_gain(_shrunken(means, noise), drawn), 0.0)


def _variance(means: Floats, metric_means: Floats, drawn: Floats) -> Floats:
    """Return the variance of the selected setting's metric over selections with drawn noise."""
    selected = (means[..., None, :] + drawn).argmin(axis=-1)
    values = np.take_along_axis(metric_means, selected, axis=-1)
    # The observed means deviate from the true means as much as the draws deviate from the observed
    # means, so half of the variance is due to the draws.
    return np.asarray(values.var(axis=-1) / 2)


def _mean_gain(means: Floats, drawn: Floats) -> Floats:
    """Return the mean noise of the settings that are selected under drawn noise."""
    selected = (means[..., None, :] + drawn).argmin(axis=-1)
    gains = np.take_along_axis(drawn, selected[..., None], axis=-1)[..., 0]
    return np.asarray(gains.mean(axis=-1))


def _shrunken(means: Floats, noise: Floats) -> Floats:
    """Return means shrunk by the share of their variance that is noise (James & Stein 1961)."""
    variance = np.maximum(means.var(axis=-1, ddof=1), np.finfo(float).tiny)
    signal_share = np.clip(1 - noise**2 / variance, 0, 1)[..., None]
    centre = means.mean(axis=-1, keepdims=True)
    return np.asarray(centre + signal_share * (means - centre))


def _residuals(values: Floats) -> Floats:
    """Return values minus the mean of their setting and the mean of their seed."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(centred - centred.mean(axis=-2, keepdims=True))


def selection_p_value(difference: Estimate, a: SelectionBias, b: SelectionBias) -> Floats:
    """Return the p-value of a difference, a minus b, with selection bias accounted for.

    The variances due to selection are added to that of the difference, and the optimism is
    subtracted from the difference. A difference that is the same on all seeds has no variance of
    its own.
    """
    error = np.sqrt(np.nan_to_num(difference.error) ** 2 + np.add(a.variance, b.variance))
    df = np.nan_to_num(difference.df, nan=np.inf)
    return two_sided(debiased(difference, a, b), error, df)


def debiased(difference: Estimate, a: SelectionBias, b: SelectionBias) -> Floats:
    """Return the size of a difference without the optimism that increases it; at least 0."""
    sign = np.where(difference.value < 0, -1.0, 1.0)
    optimism = np.maximum(0, sign * np.subtract(a.optimism, b.optimism))
    return np.asarray(np.maximum(0, sign * difference.value - optimism))
