"""The difference between two arms."""

import math

import numpy as np
import pytest

from adamcmp.analysis.difference import Difference
from adamcmp.analysis.estimates import mean, unpaired_difference
from tests.support.seeded_runs import A, B, arm

METRIC = "test_error"


def test_the_estimate_is_that_of_shared_seeds():
    paired = Difference.between(arm(A), arm(B), METRIC)
    assert paired.estimate == mean(np.array(A) - np.array(B))
    assert paired.means == pytest.approx((np.mean(A), np.mean(B)))
    separate = Difference.between(arm(A), arm(B, range(20, 26)), METRIC)
    assert separate.estimate == unpaired_difference(np.array(A), np.array(B))
    assert paired.effect_size < 0 and separate.effect_size < 0


@pytest.mark.parametrize("seeds", [range(6), range(20, 26)])
def test_a_smaller_difference_needs_more_seeds(seeds):
    difference = Difference.between(arm(A), arm(B, seeds), METRIC)
    few, _ = difference.seeds_needed(lambda n: 0.05, 0.05, 0.0)
    many, target = difference.seeds_needed(lambda n: 0.05, 0.01, 0.0)
    assert few < many and target >= 0.01
    assert difference.seeds_needed(lambda n: 0.05, 0.01, 1e-5)[0] > many
    one_seed = Difference.between(arm(A[:1]), arm(B[:1], list(seeds)[:1]), METRIC)
    assert all(map(math.isnan, one_seed.seeds_needed(lambda n: 0.05, 0.01, 0.0)))
