"""Clocks."""

import time

from adamcmp.platform.clocks import boot_time_clock


def test_the_clock_counts_suspended_time(monkeypatch):
    before = boot_time_clock()
    assert before <= boot_time_clock()
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert boot_time_clock() <= time.monotonic()
