"""Which arms are compared seed by seed."""

import math

import pytest

from adamcmp.analysis.difference import Difference
from tests.support.seeded_runs import NAN, A, B, arm

METRIC = "test_error"


@pytest.mark.parametrize(
    ("seeds", "other_seeds", "paired", "n"),
    [
        (range(4), range(4), True, 4),
        (range(4), range(2, 6), True, 2),  # half of them
        (range(6), range(4, 10), False, 6),  # a third of them
        (range(4), range(10, 14), False, 4),
        ([0], range(4), True, 1),
        ([9], range(4), False, 1),
        ([], range(4), False, 0),
    ],
)
def test_seeds_are_paired_if_enough_are_shared(seeds, other_seeds, paired, n):
    x = arm(A[: len(seeds)], seeds) if seeds else arm([NAN], [0])
    difference = Difference.between(x, arm(B[: len(other_seeds)], other_seeds), METRIC)
    assert (difference.paired, difference.n) == (paired, n)
    if not n:
        assert math.isnan(difference.estimate.value) and math.isnan(difference.effect_size)
        assert math.isnan(difference.means[0])
