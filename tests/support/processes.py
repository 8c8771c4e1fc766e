"""Commands as separate processes, as a user starts them; some kill themselves at a given moment.

Run as a program, it is the command line that kills itself at the n-th call that flushes, renames,
links or removes a file:

    python -m tests.support.processes N sweep optimizer=adamw ...
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return the environment of a command, which may use models of tests.support."""
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


class Commands:
    """Starts commands; their output goes to a log file.

    Args:
        log: The file.
    """

    def __init__(self, log: Path) -> None:
        self.log = log

    def start(self, *arguments: str, kill_at: int = 0) -> subprocess.Popen[bytes]:
        """Start a command in a new process group.

        Args:
            arguments: The command line.
            kill_at: The call at which it kills itself, counted from 1; 0 for never.
        """
        module = ["tests.support.processes", str(kill_at)] if kill_at else ["adamcmp"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", *module, *arguments],
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )

    def run(self, *arguments: str, kill_at: int = 0) -> int:
        """Run a command to its end; return its exit code, or minus the signal that ended it."""
        return self.start(*arguments, kill_at=kill_at).wait()


def start_command(*arguments: str) -> subprocess.Popen[str]:
    """Start a command in a new process group, with its output in pipes.

    SIGINT interrupts it even where the tests run in the background of a shell, which ignores SIGINT
    there.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "adamcmp", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def kill_at_call(number: int) -> None:
    """Have this process kill itself at a call that flushes, renames, links or removes a file."""
    calls = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return wrapper

    os.fsync = counted(os.fsync)
    for name in ("replace", "unlink", "hardlink_to"):
        setattr(Path, name, counted(getattr(Path, name)))


if __name__ == "__main__":
    from adamcmp.cli import main

    kill_at_call(int(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
