"""The memory of this machine."""

import os

from adamcmp.platform.memory import available_memory, format_bytes


def test_available_memory_is_a_part_of_all_memory():
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 1e6 < available_memory() <= whole


def test_bytes_have_a_unit():
    assert [format_bytes(count) for count in (0, 2e6, 999e6, 1e9, 12.4e9)] == [
        *("0 MB", "2 MB", "999 MB"),
        *("1 GB", "12 GB"),
    ]
