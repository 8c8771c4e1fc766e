"""The difference of a metric between the two arms of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count

import numpy as np

from adamcmp.analysis import estimates
from adamcmp.analysis.arms import Arm
from adamcmp.analysis.estimates import Estimate, Floats
from adamcmp.analysis.example_variance import ExamplePart, required_estimates, widest
from adamcmp.analysis.outcomes import examples_of_difference
from adamcmp.analysis.pairing import are_paired
from adamcmp.analysis.power import seeds_for_power

#: The smallest difference for which `seeds_needed` is computed, as a share of the interval's
#: half-width. Half of that difference would need more than about six times the seeds.
MIN_DETECTABLE = 0.5


@dataclass(frozen=True)
class Difference:
    """The difference of a metric between two arms, a minus b.

    Attributes:
        a: Values of a, shape (seeds of a,).
        b: Values of b; if `paired`, of the same seeds in the same order.
        paired: Whether the arms share enough seeds to be compared on shared seeds only.
        over_seeds: The difference of the means, with an interval over seeds.
        examples: The part of the test examples in its variance; None if the outcomes of the runs on
            each example are unknown.
    """

    a: Floats
    b: Floats
    paired: bool
    over_seeds: Estimate
    examples: ExamplePart | None

    @classmethod
    def between(cls, a: Arm, b: Arm, metric: str) -> Difference:
        """Compare two arms on a metric.

        Seeds on which both arms have a value are paired if they are enough: see `are_paired`.
        """
        x, y = a.values(metric), b.values(metric)
        fewer = min(len(x), len(y))
        paired = are_paired(a, b, x.index, y.index)
        if paired:
            shared = x.index.intersection(y.index)
            x, y = x[shared], y[shared]
        first, second = (np.asarray(v, dtype=np.float64) for v in (x, y))
        if paired:
            estimate = estimates.mean(first - second)
        elif fewer:
            estimate = estimates.unpaired_difference(first, second)
        else:
            estimate = estimates.NO_ESTIMATE
        ids_a, ids_b = (arm.reported.loc[v.index, "run_id"] for arm, v in ((a, x), (b, y)))
        examples = examples_of_difference(a.table, ids_a, ids_b, metric, paired) if fewer else None
        return cls(first, second, paired, estimate, examples)

    @cached_property
    def required_estimates(self) -> tuple[Estimate, ...]:
        """The estimates that have to be significant: see `example_variance.required_estimates`."""
        return required_estimates(self.over_seeds, self.examples)

    @cached_property
    def estimate(self) -> Estimate:
        """The difference of the means, with the widest interval of `required_estimates`."""
        return widest(self.required_estimates)

    @property
    def has_no_spread(self) -> bool:
        """Whether the difference is the same on all of several paired seeds."""
        return self.paired and self.n > 1 and bool(np.isnan(self.estimate.error))

    @property
    def is_constant(self) -> bool:
        """Whether the difference is the same on all of several paired seeds, and not 0."""
        return self.has_no_spread and not np.allclose(self.a, self.b, rtol=1e-12, atol=0)

    @property
    def p_value(self) -> float:
        """The p-value of no difference: Student's or Welch's test.

        A constant difference has no standard error over seeds. It has the p-value of the sign test,
        which is exact: all differences have the same sign with probability 2^(1 - n). If that of
        the test examples is larger, it has that one.
        """
        if not self.is_constant:
            return max(float(estimate.p_value) for estimate in self.required_estimates)
        error = np.sqrt(self.examples.variance) if self.examples else 0.0
        by_examples = estimates.two_sided(self.estimate.value, error, np.inf)
        return max(2.0 ** (1 - self.n), float(by_examples))

    @property
    def n(self) -> int:
        """The number of shared seeds; if not paired, the smaller number of seeds."""
        return min(len(self.a), len(self.b))

    @property
    def means(self) -> tuple[float, float]:
        """The means of the two arms."""
        mean_a, mean_b = (float(x.mean()) if len(x) else float("nan") for x in (self.a, self.b))
        return mean_a, mean_b

    @property
    def effect_size(self) -> float:
        """Hedges' g_z if seeds are paired, else Hedges' g."""
        if not self.n:
            return float("nan")
        if self.paired:
            return float(estimates.paired_effect_size(self.a - self.b))
        return float(estimates.unpaired_effect_size(self.a, self.b))

    def seeds_needed(
        self, alpha: Callable[[int], float], observed: float, selection_variance: float
    ) -> tuple[float, float]:
        """Return the total number of seeds that would detect a difference, and that difference.

        Args:
            alpha: The level of a test with some number of seeds.
            observed: The size of the observed difference.
            selection_variance: Variance due to the selection of settings. Like that of the test
                examples, it is not reduced by more evaluation seeds.
        """
        if self.is_constant:
            return float(next(n for n in count(2) if 2.0 ** (1 - n) <= alpha(n))), observed
        if np.isnan(self.estimate.error):
            return float("nan"), float("nan")
        half_width = float(self.estimate.high - self.estimate.value)
        target = max(observed, MIN_DETECTABLE * half_width)
        if self.paired:
            sd = estimates.standard_deviation(self.a - self.b)
        else:
            # The number of seeds is computed for equal groups, whose variance is the mean of both.
            sd = np.sqrt(np.mean([np.var(x, ddof=1) for x in (self.a, self.b)]))
        size, groups = float(target / sd), 1 if self.paired else 2
        constant = selection_variance + (self.examples.variance if self.examples else 0.0)
        return seeds_for_power(size, alpha, groups, float(constant / sd**2)), target
