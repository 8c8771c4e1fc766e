"""Groups are divided into shares of similar length."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcmp.execution.shares import (
    MAX_SHARES,
    MIN_SHARES,
    SHARE_SECONDS,
    make_shares,
    share_seconds,
)


@dataclass(frozen=True)
class Costs:
    """A cost model of groups that are their predicted times."""

    def seconds(self, group):
        return group


COSTS = Costs()
LENGTHS = st.lists(st.floats(1e-3, 1e4), min_size=1, max_size=300).map(
    lambda lengths: sorted(lengths, reverse=True)
)


@given(LENGTHS)
def test_shares_are_the_groups_in_their_order(lengths):
    shares = make_shares(lengths, COSTS)
    assert [length for share in shares for length in share] == lengths and all(shares)
    total = sum(lengths)
    limit = max(min(SHARE_SECONDS, total / MIN_SHARES), total / MAX_SHARES)
    for share in shares:
        assert sum(share) <= (limit + max(share)) * (1 + 1e-9)


@settings(max_examples=50)
@given(st.integers(1, 10_000), st.floats(1e-3, 1e4))
def test_groups_of_equal_length(count, seconds):
    shares = make_shares([seconds] * count, COSTS)
    assert min(count, MIN_SHARES) <= len(shares) <= MAX_SHARES
    sizes = {len(share) for share in shares}
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("count", "seconds", "shares"),
    [
        (1, 10.0, 1),
        (31, 10.0, 31),
        (33, 10.0, 32),
        (6400, 15.0, 320),  # of SHARE_SECONDS
        (200_000, 100.0, 4096),
    ],
)
def test_the_number_of_shares(count, seconds, shares):
    assert len(make_shares([seconds] * count, COSTS)) == shares


def test_groups_of_unknown_length_count_equally():
    shares = make_shares([None, 5.0] * 100, COSTS)
    assert len(shares) == MIN_SHARES and {len(share) for share in shares} == {6, 7}
    assert share_seconds(shares[0], COSTS) is None
    assert share_seconds([1.0, 2.0], COSTS) == 3.0


def test_no_groups_and_groups_without_length():
    assert make_shares([], COSTS) == []
    assert make_shares([0.0, 0.0], COSTS) == [[0.0, 0.0]]
