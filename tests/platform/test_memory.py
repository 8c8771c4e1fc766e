"""The memory of this machine."""

import os
import platform
import subprocess
import sys

import pytest

from adamcmp.platform.memory import available_memory, format_bytes


def test_available_memory_is_a_part_of_all_memory():
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert 1e6 < available_memory() <= whole


def test_bytes_have_a_unit():
    assert [format_bytes(count) for count in (0, 2e6, 999e6, 1e9, 12.4e9)] == [
        *("0 MB", "2 MB", "999 MB"),
        *("1 GB", "12 GB"),
    ]


#: Prints the page faults of twenty buffers of 4 MiB that are written and freed.
PAGE_FAULTS = """
import ctypes, resource, sys
from adamcmp.platform.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
libc, size = ctypes.CDLL(None), 4 << 20
libc.malloc.restype = ctypes.c_void_p
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    buffer = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(size)))
    libc.memset(buffer, 1, ctypes.c_size_t(size))
    libc.free(buffer)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these parameters")
def test_freed_memory_is_kept():
    def page_faults(mode):
        command = [sys.executable, "-c", PAGE_FAULTS, mode]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    assert page_faults("keep") < page_faults("default")
