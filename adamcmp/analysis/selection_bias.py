"""The effect of selection on few seeds on the comparison of the selected settings.

A verdict is about the optimizers at their best settings. Other seeds, or another validation set,
might have selected another setting, with a slightly better or worse true mean. So the
difference of two selected settings varies more than its interval over seeds shows. The selected
setting is on average worse than the best one, which is against the optimizer with more settings. In
addition, a setting that was selected because of noise on validation benefits from the same noise on
the test set, on the same seeds. This favors the optimizer with more settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from adamcmp.analysis.estimates import Estimate, Floats, two_sided

#: Bootstrap draws of the selection.
DRAWS = 300
#: The noise is pooled over this number of best settings, which are those that may be selected.
CONTENDERS = 8
#: The share of the bootstrap variance that is due to the selection. The rest is due to the draws:
#: they deviate from the observed means as these do from the true means. It was chosen by simulation
#: (docs/statistics.md), so that verdicts claim a difference in 6 % of studies without one at most.
SHARE = 0.75
#: The regret of a selection among candidates, relative to that if no other setting were better than
#: all of them. It was chosen by simulation too.
REGRET_OF_CANDIDATES = 1.5


class SelectionBias(NamedTuple):
    """The bias and the variance that selection adds to the mean of an arm.

    Attributes:
        optimism: How much higher the selected setting's mean is than its true mean on the reported
            seeds; 0 if these took no part in the selection.
        regret: How much higher the selected setting's true mean is than that of the best setting.
        variance: Variance of the selected setting's true mean over selections on other seeds and
            validation examples. If the selection seeds are reported, only on other examples, since
            the spread of the seeds includes the rest.
    """

    optimism: npt.ArrayLike
    regret: npt.ArrayLike
    variance: npt.ArrayLike


NO_BIAS = SelectionBias(0.0, 0.0, 0.0)


def selection_bias(
    validation: Floats,
    test: Floats,
    metric: Floats,
    *,
    fresh: bool,
    candidates: bool = False,
    single_setting_sd: npt.ArrayLike = np.nan,
) -> SelectionBias:
    """Estimate the selection bias by repeating the selection (parametric bootstrap).

    Validation means are drawn around the observed ones; the lowest one is selected. Their spread
    has two parts: that over seeds, after the effect of a seed on all settings is removed, and that
    of the validation examples, which the difference of validation and test shows. Both are pooled
    over the best settings.

    For the optimism (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 17), the
    observed means are first shrunk by the share of their variance that is noise, so that equally
    good settings are equally likely to be selected. The noise of the selected mean is converted to
    `metric` by the regression of its residuals on those of validation. For the regret, the means
    are shrunk by the share of the seeds and the validation examples, except those of candidates,
    which differ less than all settings do. It is converted by the regression of the settings' means
    of `metric` on their test means. The random draws are fixed:
    equal data give equal results.

    Args:
        validation: The metric of the selection, lower is better; (..., settings, seeds), no NaN.
        test: The same metric on the test set; NaN without one.
        metric: The metric to compare, of the same runs.
        fresh: Whether the reported seeds took no part in the selection.
        candidates: Whether the settings are candidates, the best of more settings. A setting that
            is no candidate may be better than all of them, so their variance is not reduced by
            `SHARE`, and their regret is increased by `REGRET_OF_CANDIDATES`.
        single_setting_sd: Standard deviation over seeds of one setting's validation metric, used
            if there is a single selection seed.
    """
    settings = validation.shape[-2]
    if settings < 2:
        return NO_BIAS
    means = validation.mean(axis=-1)
    selection_values, test_values, values = _of_best_settings(validation, test, metric)
    noise = _noise_of_means(selection_values, np.square(single_setting_sd))
    examples = _variance_of_examples(selection_values - test_values)
    draws = np.random.default_rng(0).standard_normal((DRAWS, settings))
    spread = np.sqrt(examples + noise if fresh else examples)[..., None, None]
    variance = _variance(means, metric.mean(axis=-1), draws * spread)
    variance = variance if candidates else SHARE * variance
    drawn = draws * np.sqrt(examples + noise)[..., None, None]
    regret = (
        REGRET_OF_CANDIDATES * _mean_regret(means, drawn)
        if candidates
        else _mean_regret(_shrunken(means, examples + noise), drawn)
    )
    measured = np.where(np.isnan(test_values), selection_values, test_values)
    regret = _slope(measured.mean(axis=-1), values.mean(axis=-1)) * regret
    if fresh:
        return SelectionBias(0.0, regret, variance)
    drawn = draws * np.sqrt(noise)[..., None, None]
    gain = _mean_gain(_shrunken(means, noise), drawn)
    slope = _slope_of_residuals(selection_values, values)
    return SelectionBias(slope * gain, regret, variance)


def effect_of_validation_examples(validation: Floats, test: Floats) -> Floats:
    """Return how much the sample of validation examples changes the metric of a setting.

    Args:
        validation: The metric of the selection; (..., settings, seeds), no NaN.
        test: The same metric on the test set.

    Returns:
        The standard deviation over the best settings, relative to that of runs over seeds.
    """
    values, test_values = _of_best_settings(validation, test)
    noise = _noise_of_means(values) * values.shape[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.sqrt(_variance_of_examples(values - test_values) / noise))


def _of_best_settings(validation: Floats, *others: Floats) -> Iterator[Floats]:
    """Yield metrics of the settings that may be selected, those of validation first."""
    best = np.argsort(validation.mean(axis=-1), axis=-1, kind="stable")[..., :CONTENDERS, None]
    yield from (np.take_along_axis(x, best, axis=-2) for x in (validation, *others))


def _noise_of_means(values: Floats, without_seeds: npt.ArrayLike = 0.0) -> Floats:
    """Return the variance of a setting's mean that is due to its seeds.

    Args:
        values: Shape (..., settings, seeds).
        without_seeds: The variance if there is a single seed.
    """
    settings, seeds = values.shape[-2:]
    # The residuals of a two-way table lose a degree of freedom for each setting and each seed.
    df = (settings - 1) * (seeds - 1)
    if not df:
        return np.asarray(np.nan_to_num(without_seeds))
    return np.asarray((_residuals(values) ** 2).sum(axis=(-2, -1)) / df / seeds)


def _variance_of_examples(difference: Floats) -> Floats:
    """Return the variance of a setting's validation mean that is due to the validation examples.

    The examples are the same on all seeds. They make the difference between validation and test
    vary over settings, more than its noise over seeds does. The test examples contribute too, so
    with a test set that is not much larger than the validation set, the result is too high.
    """
    between = difference.mean(axis=-1).var(axis=-1, ddof=1)
    return np.asarray(np.nan_to_num(np.maximum(0, between - _noise_of_means(difference))))


def _variance(means: Floats, metric_means: Floats, drawn: Floats) -> Floats:
    """Return the variance of the selected setting's metric over selections with drawn noise."""
    selected = (means[..., None, :] + drawn).argmin(axis=-1)
    return np.asarray(np.take_along_axis(metric_means, selected, axis=-1).var(axis=-1))


def _slope_of_residuals(validation: Floats, metric: Floats) -> Floats:
    """Return the slope of the regression of a metric's residuals on those of validation."""
    flat = (*validation.shape[:-2], -1)
    return _slope(_residuals(validation).reshape(flat), _residuals(metric).reshape(flat))


def _slope(x: Floats, y: Floats) -> Floats:
    """Return the slope of the regression of y on x over the last axis; 0 if x is constant."""
    x, y = (values - values.mean(axis=-1, keepdims=True) for values in (x, y))
    with np.errstate(invalid="ignore"):
        slope = (x * y).sum(axis=-1) / (x**2).sum(axis=-1)
    return np.asarray(np.nan_to_num(slope))


def _mean_regret(means: Floats, drawn: Floats) -> Floats:
    """Return the mean of the settings that are selected under drawn noise, less the lowest mean."""
    selected = (means[..., None, :] + drawn).argmin(axis=-1)
    return np.asarray(np.take_along_axis(means, selected, axis=-1).mean(axis=-1) - means.min(-1))


def _mean_gain(means: Floats, drawn: Floats) -> Floats:
    """Return the mean noise of the settings that are selected under drawn noise."""
    selected = (means[..., None, :] + drawn).argmin(axis=-1)
    gains = np.take_along_axis(drawn, selected[..., None], axis=-1)[..., 0]
    return np.asarray(gains.mean(axis=-1))


def _shrunken(means: Floats, noise: Floats) -> Floats:
    """Return means shrunk by the share of their variance that is noise (James & Stein 1961)."""
    variance = np.maximum(means.var(axis=-1, ddof=1), np.finfo(float).tiny)
    signal_share = np.clip(1 - noise / variance, 0, 1)[..., None]
    centre = means.mean(axis=-1, keepdims=True)
    return np.asarray(centre + signal_share * (means - centre))


def _residuals(values: Floats) -> Floats:
    """Return values minus the mean of their setting and the mean of their seed."""
    centred = values - values.mean(axis=-1, keepdims=True)
    return np.asarray(centred - centred.mean(axis=-2, keepdims=True))


def selection_p_value(difference: Estimate, a: SelectionBias, b: SelectionBias) -> Floats:
    """Return the p-value of a difference, a minus b, with selection bias accounted for.

    The variances due to selection are added to that of the difference, and the biases are
    subtracted from the difference. A difference that is the same on all seeds has no variance of
    its own. The result may be smaller than the p-value of the difference: a claim requires both.
    """
    error = np.sqrt(np.nan_to_num(difference.error) ** 2 + np.add(a.variance, b.variance))
    df = np.nan_to_num(difference.df, nan=np.inf)
    return two_sided(debiased(difference, a, b), error, df)


def debiased(difference: Estimate, a: SelectionBias, b: SelectionBias) -> Floats:
    """Return the size of a difference without its selection bias; at least 0.

    The optimism is subtracted only where it increases the difference. So is the regret if there is
    optimism, which is the larger one of the two. Else the regret increases or decreases it.
    """
    sign = np.where(difference.value < 0, -1.0, 1.0)
    optimism = np.maximum(0, sign * np.subtract(a.optimism, b.optimism))
    regret = sign * np.subtract(a.regret, b.regret)
    has_optimism = np.not_equal(a.optimism, 0) | np.not_equal(b.optimism, 0)
    regret = np.where(has_optimism, np.maximum(0, regret), regret)
    return np.asarray(np.maximum(0, sign * difference.value - optimism - regret))


def largest_bias(a: SelectionBias, b: SelectionBias) -> float:
    """Return by how much the selection may increase or decrease a difference at most."""
    return abs(float(np.subtract(a.optimism, b.optimism))) + abs(
        float(np.subtract(a.regret, b.regret))
    )
