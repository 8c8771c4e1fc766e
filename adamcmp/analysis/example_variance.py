"""The variance of a difference that is due to its sample of test examples.

Both the seeds and the test examples of a comparison are samples. With d[s, i] the difference of two
arms on seed s and example i, the model is that of a two-way layout without replication,

    d[s, i] = mu + S[s] + E[i] + R[s, i],

where the effects of seeds, of examples and the rest are random. The mean over n seeds and m
examples has the variance Var(S)/n + Var(E)/m + Var(R)/(n·m). The variance over the seeds' means,
divided by n, estimates the first and the last term. This module estimates the second term and adds
it.

The sum of mean squares follows Clark (1973), Journal of Verbal Learning and Verbal Behavior 12,
335-359, who treats words as a sample beside subjects, and Dorfman, Berbaum & Metz (1992),
Investigative Radiology 27, 723-731, for readers and cases. The degrees of freedom are those of
Satterthwaite (1946), Biometrics Bulletin 2, 110-114.

Shapes: outcomes of one arm are (seeds, examples).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from adamcmp.analysis.estimates import ALPHA, Estimate, Floats

#: A smaller share of a variance is a rounding error.
_ROUNDING = 1e-12


class ExamplePart(NamedTuple):
    """The variance of a mean or difference that its test examples contribute.

    Attributes:
        variance: The estimated variance; 0 if examples do not differ more than the noise of seeds.
        error_variance: The variance of this estimate.
    """

    variance: float
    error_variance: float

    @property
    def half_width(self) -> float:
        """Half the width of the 95 % interval if seeds had no variance."""
        return float(stats.norm.ppf(1 - ALPHA / 2) * np.sqrt(self.variance))


def example_part(layouts: Sequence[Floats], total: int) -> ExamplePart:
    """Estimate the variance that test examples contribute to a mean or a difference of means.

    >>> rng = np.random.default_rng(0)
    >>> hard = rng.random(1000) < 0.1  # examples that only the first optimizer gets wrong
    >>> wrong = np.tile(hard, (5, 1)).astype(float)
    >>> print(f"{example_part([wrong - np.zeros((5, 1000))], total=1000).half_width:.3f}")
    0.018

    Args:
        layouts: The terms of the difference, of the same examples: ``[a - b]`` if the rows of both
            arms are of the same seeds, ``[a, -b]`` if they are not, ``[a]`` for the mean of one
            arm. Without NaN.
        total: The number of test examples. It is larger than the number of examples in `layouts`
            if only a part of the outcomes was stored.
    """
    means = np.sum([layout.mean(axis=0) for layout in layouts], axis=0)
    # The variance of the examples' means includes the noise of the seeds.
    spread = float(means.var(ddof=1))
    noises = [_noise(layout) for layout in layouts]
    excess = spread - sum(noise for noise, _ in noises)
    variance = excess / total if excess > _ROUNDING * spread else 0.0
    terms = [(spread, means.size - 1), *noises]
    error_variance = sum(2 * size**2 / df for size, df in terms if df) / total**2
    return ExamplePart(variance, error_variance)


def _noise(layout: Floats) -> tuple[float, int]:
    """Return the variance of an example's mean that is due to R, and its degrees of freedom."""
    seeds, examples = layout.shape
    df = (seeds - 1) * (examples - 1)
    if not df:
        return 0.0, 0
    centred = layout - layout.mean(axis=0) - layout.mean(axis=1, keepdims=True) + layout.mean()
    return float((centred**2).sum() / df / seeds), df


def with_examples(seeds: Estimate, examples: ExamplePart) -> Estimate:
    """Return an estimate over seeds with the variance of the test examples added.

    >>> from adamcmp.analysis import estimates
    >>> seeds = estimates.mean(np.array([0.050, 0.053, 0.049, 0.052]))
    >>> both = with_examples(seeds, ExamplePart(variance=0.005**2, error_variance=1e-12))
    >>> print(f"±{seeds.high - seeds.value:.4f} by seeds, ±{both.high - both.value:.4f} by both")
    ±0.0029 by seeds, ±0.0100 by both

    Args:
        seeds: The estimate over seeds, with Student's or Welch's interval.
        examples: The part of the test examples.

    Returns:
        The estimate with the sum of both variances, and Satterthwaite's degrees of freedom, but at
        least those of `seeds`; see `required_estimates`. Bounds are NaN if those of `seeds` are.
    """
    variance = seeds.error**2
    total = variance + examples.variance
    uncertainty = 2 * variance**2 / seeds.df + examples.error_variance
    with np.errstate(invalid="ignore", divide="ignore"):
        # The estimate of the examples' part is a difference of mean squares, which may be far less
        # certain than its size. It cannot make the sum less certain than the seeds' part alone.
        df = np.maximum(2 * total**2 / uncertainty, seeds.df)
    error = np.sqrt(total)
    half = stats.t.ppf(1 - ALPHA / 2, df) * error
    return Estimate(seeds.value, seeds.value - half, seeds.value + half, error, df)


def required_estimates(over_seeds: Estimate, examples: ExamplePart | None) -> tuple[Estimate, ...]:
    """Return the estimates of a difference that all have to be significant.

    They are the estimate over seeds and, if the part of the test examples is known, the one over
    both. With few seeds whose variance happens to be small, Satterthwaite's degrees of freedom are
    too many, and the second one alone would claim too much.

    Args:
        over_seeds: The estimate over seeds.
        examples: The part of the test examples; None if it is unknown.
    """
    if examples is None:
        return (over_seeds,)
    return over_seeds, with_examples(over_seeds, examples)


def widest(required: Iterable[Estimate]) -> Estimate:
    """Return the estimate with the widest interval, the first one if intervals are NaN.

    Args:
        required: The result of `required_estimates` for a single difference.
    """
    return max(required, key=lambda estimate: float(estimate.high - estimate.low))


def largest_example_variance(error_a: float, error_b: float, total: float) -> float:
    """Return an upper bound of the examples' variance, for outcomes that were not stored.

    With e the mean of an arm's 0-1 outcomes, an example's mean difference c is in [-1, 1], so
    E[c²] ≤ E|c| ≤ min(e_a + e_b, 2 − e_a − e_b). The bound is reached if no example is wrong in
    both arms (right in both arms), which is far from what networks do.

    >>> print(f"{1.96 * largest_example_variance(0.25, 0.30, 1000) ** 0.5:.3f}")
    0.046

    Args:
        error_a: The error of the first arm, a fraction.
        error_b: The error of the second arm.
        total: The number of test examples.
    """
    either = error_a + error_b
    return float((min(either, 2 - either) - (error_a - error_b) ** 2) / total)
