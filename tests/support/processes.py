"""Commands as separate processes; some kill themselves at a given moment."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def environment() -> dict[str, str]:
    """Return the environment of a command, which may use models of tests.support."""
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


#: Imports torch once; each command that kills itself is a fork of it.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["adamcmp.cli", "adamcmp.execution.execute", "torch"])


class Commands:
    """Starts commands; their output goes to a log file.

    Args:
        log: The file.
    """

    def __init__(self, log: Path) -> None:
        self.log = log

    def start(self, *arguments: str, host: str = "") -> subprocess.Popen[bytes]:
        """Start a command in a new process group.

        Args:
            arguments: The command line.
            host: The host name that it sees, which takes root; empty for that of this machine.
        """
        renamed = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*(renamed if host else []), sys.executable, "-m", "adamcmp", *arguments],
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,
            )

    def run(self, *arguments: str, kill_at: int = 0) -> int:
        """Run a command to its end; return its exit code, or minus the signal that ended it.

        Args:
            arguments: The command line.
            kill_at: The call at which it kills itself, counted from 1; 0 for never.
        """
        process = FORKS.Process(
            target=run_forked, args=(self.log, Path.cwd(), environment(), kill_at, arguments)
        )
        process.start()
        process.join()
        return process.exitcode


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


def run_forked(
    log: Path, folder: Path, variables: dict[str, str], kill_at: int, arguments: Sequence[str]
) -> None:
    """Run a command in this process, which was forked for it, and exit with its code."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    if kill_at:
        kill_at_call(kill_at)
    from adamcmp.cli import main

    sys.exit(main(list(arguments)))
