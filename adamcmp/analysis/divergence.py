"""Whether one optimizer diverges more often than another: exact tests of paired or other seeds."""

from __future__ import annotations

from typing import NamedTuple

from scipy import stats

from adamcmp.analysis.arms import Arm
from adamcmp.analysis.pairing import are_paired


class DivergenceTest(NamedTuple):
    """The exact test of equal probabilities of divergence.

    Attributes:
        name: The name of the test; empty without a diverged run.
        p_value: Its two-sided p-value; NaN without a diverged run.
    """

    name: str
    p_value: float


NO_TEST = DivergenceTest("", float("nan"))


def divergence_test(a: Arm, b: Arm) -> DivergenceTest:
    """Test whether two arms diverge equally often at their selected settings.

    If seeds are paired, McNemar's exact test counts the seeds on which only one arm diverged
    (McNemar 1947, Psychometrika 12, 153-157); else it is Fisher's exact test (Fisher 1935, JRSS 98,
    39-82). If the arm that diverged less was selected among more settings, on these same seeds, its
    p-value is multiplied by the ratio of the numbers of settings: so many times the other arm's
    choice it had (Bonferroni's inequality).

    Args:
        a: One arm.
        b: The other arm.
    """
    if not a.diverged + b.diverged:
        return NO_TEST
    x, y = (arm.reported["status"] == "diverged" for arm in (a, b))
    if are_paired(a, b, x.index, y.index):
        shared = x.index.intersection(y.index)
        x, y = x[shared], y[shared]
        only_a, only_b = int((x & ~y).sum()), int((y & ~x).sum())
        discordant = only_a + only_b
        p = stats.binomtest(only_a, discordant).pvalue if discordant else 1.0
        name = "exact McNemar"
    else:
        counts = [[arm.diverged, len(arm.reported) - arm.diverged] for arm in (a, b)]
        p = stats.fisher_exact(counts).pvalue
        name = "Fisher's exact"
    return DivergenceTest(name, min(1.0, float(p) * _advantage(a, b)))


def _advantage(a: Arm, b: Arm) -> float:
    """Return how many times more settings the arm that diverged less was selected among."""
    if a.fresh and b.fresh:
        return 1.0
    less, more = sorted((a, b), key=lambda arm: arm.diverged / len(arm.reported))
    return max(1.0, less.settings / more.settings)
