"""Measured times: interpolated between widths, cached, and measured again when old or damaged."""

import time

import pytest

from adamcmp.planning import timings
from adamcmp.planning.timings import Timings, cache_timings, cached_timings, discard_timings


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder for each test."""
    monkeypatch.setattr(timings, "cache_folder", lambda: tmp_path)
    return tmp_path


def test_times_of_groups_are_interpolated_between_measured_widths():
    measured = Timings({1: 4e-4, 8: 6e-5, 64: 1e-5, 512: 3e-6}, 1e-3)
    assert measured.run_seconds(64, 100, 2) == pytest.approx(100 * 1e-5 + 2e-3)
    # 8 lanes take 480 µs, 64 take 640 µs.
    assert 36 * measured.run_seconds(36, 1, 0) == pytest.approx(560e-6)
    assert measured.run_seconds(2000, 1, 0) == pytest.approx(3e-6)


@pytest.mark.parametrize(
    ("step", "widths"),
    [
        ({1: 4e-4, 8: 6e-5, 64: 1e-5, 512: 3e-6}, {1: 1, 7: 7, 8: 8, 100: 100, 512: 512, 9999: 512}),
        # A wider group that is not faster is not chosen.
        ({1: 1e-4, 2: 9e-5, 4: 2e-4}, {1: 1, 2: 2, 3: 2, 4: 2, 9: 2}),
    ],
)  # fmt: skip
def test_the_fastest_width_up_to_a_limit(step, widths):
    measured = Timings(step, 1e-3)
    assert {limit: measured.fastest_width(limit) for limit in widths} == widths


def test_the_cache_keeps_timings_until_they_are_discarded():
    first, second = Timings({1: 1e-3}, 1e-2), Timings({1: 2e-3, 8: 1e-3}, 1e-2)
    cache_timings({"a": first})
    cache_timings({"b": second})
    assert cached_timings() == {"a": first, "b": second}
    discard_timings("a")
    assert cached_timings() == {"b": second}


def test_old_timings_are_measured_again():
    old = Timings({1: 1e-3}, 1e-2, measured=time.time() - timings.MAX_AGE - 1)
    cache_timings({"old": old, "new": Timings({1: 1e-3}, 1e-2)})
    assert list(cached_timings()) == ["new"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": {"step": {"1": 0}, "evaluation": 1}}']
)
def test_a_damaged_cache_is_empty_and_written_again(content, cache):
    cache_timings({"a": Timings({1: 1e-3}, 1e-2)})
    (file,) = cache.glob("*.json")
    file.write_bytes(content)
    assert cached_timings() == {}
    cache_timings({"b": Timings({1: 1e-3}, 1e-2)})
    assert list(cached_timings()) == ["b"]
