"""Axes and ranges of a sweep."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.config import SearchRange
from adamcmp.config.parameter_space import round_significant, search_range
from adamcmp.errors import ConfigError

POSITIVE = st.floats(1e-8, 1e8)


@given(POSITIVE, st.floats(1.001, 1e6), st.booleans(), st.floats(0, 1))
def test_values_are_between_the_ends_of_a_range(start, factor, log, fraction):
    end = start * factor
    ends = [round_significant(value) for value in (start, end)]
    interval = SearchRange(start, end, log=log, integer=False)
    assert [interval.at(0), interval.at(1)] == pytest.approx(ends, rel=1e-5)
    assert ends[0] * (1 - 1e-5) <= interval.at(fraction) <= ends[1] * (1 + 1e-5)


def test_the_middle_of_a_range():
    assert SearchRange(1e-4, 1e-2, log=True, integer=False).at(0.5) == 1e-3
    assert SearchRange(0.0, 1.0, log=False, integer=False).at(0.5) == 0.5
    middle = SearchRange(1, 64, log=True, integer=True).at(0.5)
    assert middle == 8 and isinstance(middle, int)


@given(POSITIVE)
def test_rounding_keeps_six_digits(value):
    assert math.isclose(round_significant(value), value, rel_tol=5.1e-6)
    assert round_significant(round_significant(value)) == round_significant(value)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("lr=interval(0.1,1)", SearchRange(0.1, 1, log=False, integer=False)),
        ("lr=tag(log,interval(0.1,1.0))", SearchRange(0.1, 1.0, log=True, integer=False)),
        ("batch_size=int(interval(8,64))", SearchRange(8, 64, log=False, integer=True)),
        ("grad_clip=int(interval(1,5))", SearchRange(1, 5, log=False, integer=True)),
        ("model.width=interval(3,5)", SearchRange(3, 5, log=False, integer=True)),
        ("steps=tag(log,interval(10,1000))", SearchRange(10, 1000, log=True, integer=True)),
    ],
)
def test_ranges(composer, override, expected):
    assert search_range(composer.parse_override(override)) == expected


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("lr=interval(1,1)", "the first end of an interval should be below the second"),
        ("lr=tag(log,interval(0,1))", "on a log scale should be above 0"),
        ("model.width=interval(2.5,5)", "both ends should be whole numbers"),
        ("lr=tag(x,interval(0,1))", "the only tag of an interval is log"),
    ],
)
def test_invalid_ranges(composer, override, message):
    with pytest.raises(ConfigError, match=message):
        search_range(composer.parse_override(override))


def test_overrides_stay_in_the_order_typed(composer):
    space = composer.parse(["lr=1,2", "seed=3", "wd=4,5,6", "epochs=interval(1,9)"])
    lines = [override.input_line for override in space.at({0: 1, 1: 2})]
    assert lines[:3] == ["optimizer.lr=2", "seed=3", "optimizer.weight_decay=6"]
    assert len(space) == 6 and [axis.keys for axis in space.axes] == [
        ("optimizer.lr",),
        ("optimizer.weight_decay",),
    ]
    others = [override.key_or_group for override in space.other_overrides(space.axes[0])]
    assert others == ["seed", "optimizer.weight_decay", "epochs"]
    assert list(space.ranges) == ["epochs"]
