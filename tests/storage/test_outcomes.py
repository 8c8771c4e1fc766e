"""Outcomes of runs on single examples as bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from adamcmp.storage.outcomes import MOST_STORED, decode, encode, stored_positions


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_errors_are_kept_exactly_in_bits(wrong):
    content = encode(wrong, "error")
    assert len(content) == -(-len(wrong) // 8)
    assert decode(content, "error", len(wrong)).tolist() == wrong


@given(arrays.arrays(np.float64, 7, elements=st.floats(0, 6e4)))
def test_losses_are_kept_in_half_precision(losses):
    content = encode(losses, "loss")
    assert len(content) == 2 * len(losses)
    np.testing.assert_allclose(decode(content, "loss", 7), losses, rtol=2**-11, atol=2**-25)


def test_the_largest_half_replaces_larger_losses():
    assert decode(encode([1e6, np.inf, np.nan], "loss"), "loss", 3).tolist() == [65504.0] * 3


@pytest.mark.parametrize("metric", ["error", "loss"])
def test_the_number_of_examples_ends_the_content(metric):
    assert decode(encode([1, 0, 1], metric), metric, 3).tolist() == [1, 0, 1]


@pytest.mark.parametrize("total", [1, 1024, 1025, 16_384, 20_000, 1_000_003])
@pytest.mark.parametrize("metric", MOST_STORED)
def test_stored_examples_are_evenly_spaced(total, metric):
    positions = stored_positions(total, metric)
    stored = min(total, MOST_STORED[metric])
    assert positions.tolist() == [i * total // stored for i in range(stored)]
    assert len(np.unique(positions)) == stored and positions[-1] < total


def test_a_run_takes_at_most_8_kib():
    """Errors and losses of two splits."""
    sizes = [len(encode(stored_positions(10**7, metric), metric)) for metric in MOST_STORED]
    assert 2 * sum(sizes) <= 8192
