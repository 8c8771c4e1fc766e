"""Which processes exist, and when they started."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from adamcmp.platform.processes import machine, process_start
from tests.support.waiting import wait_until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_process_is_known_by_its_start():
    process = subprocess.Popen(SLEEP)
    start = process_start(process.pid)
    assert start and start == process_start(process.pid) != process_start(os.getpid())
    process.kill()
    process.wait()
    assert process_start(process.pid) is None


def test_a_zombie_has_ended():
    process = subprocess.Popen(SLEEP)
    process.kill()
    wait_until(lambda: process_start(process.pid) is None)
    assert process.wait() < 0


def test_a_name_with_parentheses_and_spaces(tmp_path):
    program = tmp_path / "a) R (b"
    program.symlink_to(sys.executable)
    process = subprocess.Popen([program, *SLEEP[1:]], executable=program)
    try:
        assert process_start(process.pid) is not None
    finally:
        process.kill()
        process.wait()


def test_the_start_without_proc(monkeypatch):
    """As on macOS, where `ps` tells the start."""

    here = process_start(os.getpid())
    monkeypatch.setattr(Path, "exists", lambda path: False)
    by_ps = process_start(os.getpid())
    assert by_ps and by_ps == process_start(os.getpid()) != here
    assert process_start(2**22 + 1) is None


def test_machines_with_equal_names_differ(monkeypatch):
    """Containers may have the name of their host."""
    here = machine()
    assert here == machine() and here.startswith(socket.gethostname())
    monkeypatch.setattr(Path, "readlink", lambda path: Path("pid:[1]"))
    assert machine() != here
