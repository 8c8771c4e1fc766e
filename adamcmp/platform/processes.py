"""Which processes of this machine exist."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path


def machine() -> str:
    """Return an id of this machine, or of the container whose processes this process can see.

    The name alone is not enough: containers may have the name of their host, and virtual machines
    that of their image.
    """
    return " ".join([socket.gethostname(), _machine_id(), _process_namespace()])


def process_start(pid: int) -> str | None:
    """Return when a process of this machine started, as text that differs for a later process.

    Process ids are reused, so a process is identified by its id and its start.

    Returns:
        None if there is no such process; a zombie, which has ended, counts as none.
    """
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _start_by_ps(pid)
    try:
        # The name of the process, in parentheses, may contain spaces.
        state, *values = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if state in "ZX":
        return None
    # Ticks since the machine started, and the id of that boot.
    return f"{_boot_id()}-{values[18]}"


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


def _process_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_by_ps(pid: int) -> str | None:
    """Return when a process started where there is no ``/proc``, as on macOS."""
    process = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return process.stdout.strip() or None
