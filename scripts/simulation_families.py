"""False claims and power of the comparisons of many optimizers, with skewed and unequal noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from adamcmp.analysis import estimates
from adamcmp.analysis.needed_seeds import FEW_SEEDS
from adamcmp.analysis.sign_flips import MIN_SEEDS, max_t
from adamcmp.analysis.unequal_noise import is_uncertain, noise_ratio
from simulation_noise import NOISES, Floats, Rng

#: Flips of signs that are drawn per study, if they are not all enumerated. The test is valid with
#: any number.
DRAWS = 1000
#: By how much other optimizers are better in `false_claims_beside_differences`.
FAR = 3.0
#: Studies simulated at a time, to limit memory.
CHUNK = 50

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Noise:
    """The noise of the optimizers over seeds; the first one is the baseline.

    Attributes:
        distribution: One of `NOISES`.
        baseline: The standard deviation of the baseline.
        second: That of the second optimizer. The others have 1.
        rounded: Whether values are rounded to multiples of 1, so that some are equal.
    """

    distribution: str
    baseline: float = 1.0
    second: float = 1.0
    rounded: bool = False

    def __str__(self) -> str:
        parts = [self.distribution, "rounded"] if self.rounded else [self.distribution]
        if self.baseline != 1:
            parts.append(f"baseline {self.baseline:g}")
        if self.second != 1:
            parts.append(f"another {self.second:g}")
        return ", ".join(parts)

    def values(
        self, rng: Rng, shape: tuple[int, int, int], better: float, differing: int
    ) -> Floats:
        """Return the errors of equal optimizers; the last ones may be better.

        Args:
            rng: The source of random numbers.
            shape: (studies, optimizers, seeds).
            better: By how much the last optimizers are better.
            differing: How many these are.
        """
        values = NOISES[self.distribution](rng, shape)
        values[:, 1] *= self.second
        values[:, 0] *= self.baseline
        values[:, shape[1] - differing :] -= better
        return values.round() if self.rounded else values


NOISE = (
    Noise("normal"),
    Noise("normal", rounded=True),
    Noise("exponential"),
    Noise("normal", baseline=0.3),
    Noise("lognormal", baseline=0.3),
    Noise("exponential", baseline=0.3),
    Noise("exponential", baseline=0.3, second=3.0),
    Noise("exponential", baseline=3.0),
)


def p_values(differences: Floats) -> Floats:
    """Return the p-values of paired differences, as in verdicts.

    Args:
        differences: Shape (..., seeds).
    """
    estimate = estimates.mean(differences)
    constant = np.isnan(estimate.error) & (estimate.value != 0)
    return np.where(constant, 2.0 ** (1 - differences.shape[-1]), estimate.p_value)


@dataclass(frozen=True)
class Claims:
    """Which differences some studies claim.

    Attributes:
        claimed: Which comparisons claim a difference, (studies, comparisons).
        unnamed: Those of them whose verdict does not say that the noise may be skewed.
        last: The index of the comparison of the baseline with the last optimizer.
    """

    claimed: Bools
    unnamed: Bools
    last: int


def claims_of_pairs(values: Floats) -> Claims:
    """Return the claims of comparisons of all pairs, with Holm's correction."""
    first, second = np.array(list(combinations(range(values.shape[1]), 2))).T
    a, b = values[:, first], values[:, second]
    adjusted = np.array([estimates.holm(p) for p in p_values(a - b)])
    return _claims(a, b, adjusted, values.shape[1] - 2)


def claims_with_baseline(values: Floats) -> Claims:
    """Return the claims of comparisons with the baseline, as corrected in verdicts."""
    if values.shape[-1] < MIN_SEEDS:
        return claims_by_holm(values)
    a, b = np.broadcast_to(values[:, :1], values[:, 1:].shape), values[:, 1:]
    differences = a - b
    by_study = zip(p_values(differences), differences, strict=True)
    return _claims(a, b, np.array([max_t(p, study, DRAWS) for p, study in by_study]), -1)


def claims_by_holm(values: Floats) -> Claims:
    """Return the claims of comparisons with the baseline, with Holm's correction."""
    a, b = np.broadcast_to(values[:, :1], values[:, 1:].shape), values[:, 1:]
    return _claims(a, b, np.array([estimates.holm(p) for p in p_values(a - b)]), -1)


def _claims(a: Floats, b: Floats, adjusted: Floats, last: int) -> Claims:
    claimed = adjusted < estimates.ALPHA
    unnamed = claimed.copy()
    ratio = noise_ratio(a[claimed], b[claimed], paired=True)
    unnamed[claimed] = ~is_uncertain(ratio, adjusted[claimed]) & (a.shape[-1] > FEW_SEEDS)
    return Claims(claimed, unnamed, last)


#: Tests by their name in the tables.
TESTS: dict[str, Callable[[Floats], Claims]] = {
    "all pairs": claims_of_pairs,
    "baseline": claims_with_baseline,
    "baseline, Holm": claims_by_holm,
}


def studies_of(
    noise: Noise,
    optimizers: int,
    seeds: int,
    studies: int,
    better: float = 0.0,
    differing: int = 1,
) -> Iterator[Floats]:
    """Yield the errors of some studies at a time, of shape (studies, optimizers, seeds)."""
    rng = np.random.default_rng([optimizers, seeds, *str(noise).encode()])
    for _ in range(studies // CHUNK):
        yield noise.values(rng, (CHUNK, optimizers, seeds), better, differing)


def false_claims(
    test: str, noise: Noise, optimizers: int, seeds: int, studies: int
) -> tuple[float, float]:
    """Return how often any difference is claimed where there is none.

    Returns:
        The share of studies with a claim, and the share of studies with a claim whose verdict does
        not say that the noise may be skewed.
    """
    claims = [TESTS[test](v) for v in studies_of(noise, optimizers, seeds, studies)]
    claimed = np.mean([c.claimed.any(axis=1) for c in claims])
    return float(claimed), float(np.mean([c.unnamed.any(axis=1) for c in claims]))


def false_claims_beside_differences(
    test: str, noise: Noise, optimizers: int, differing: int, seeds: int, studies: int
) -> float:
    """Return the share of studies that claim a difference between the baseline and an equal one.

    Other optimizers are better by `FAR` standard deviations of a run.

    Args:
        test: The name of a test with a baseline.
        noise: The noise of the optimizers.
        optimizers: The number of optimizers, with the baseline.
        differing: The number of optimizers that are better.
        seeds: The number of seeds.
        studies: The number of studies.
    """
    values = studies_of(noise, optimizers, seeds, studies, FAR, differing)
    claims = [TESTS[test](v).claimed[:, :-differing].any(axis=1) for v in values]
    return float(np.mean(claims))


def power(test: str, noise: Noise, optimizers: int, seeds: int, studies: int) -> float:
    """Return the share of studies that find the last optimizer better than the baseline.

    It is better by the standard deviation of a run.
    """
    claims = [TESTS[test](v) for v in studies_of(noise, optimizers, seeds, studies, better=1.0)]
    return float(np.mean([c.claimed[:, c.last] for c in claims]))


def share_named(better: float, seeds: int, studies: int) -> float:
    """Return the share of true claims whose verdict says that p may be too small.

    Two optimizers have the same normal noise, so the sentence is not needed.

    Args:
        better: The difference in standard deviations of a run.
        seeds: The number of seeds.
        studies: The number of studies.
    """
    claims = [claims_of_pairs(v) for v in studies_of(Noise("normal"), 2, seeds, studies, better)]
    unnamed = sum(c.unnamed.sum() for c in claims)
    return 1 - float(unnamed / sum(c.claimed.sum() for c in claims))
