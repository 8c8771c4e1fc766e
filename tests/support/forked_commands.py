"""Runs commands in forks of one process that has imported everything: a start costs no imports.

Nothing has been computed before a fork, so no thread of torch's is lost in it. A command's workers
are new interpreters, as always. Reads lines of JSON from stdin and answers each with a number:

    ["start", words, log, kill_at]  a command in a process group of its own -> its pid
    ["wait", pid]                   until it has ended -> its exit code, or minus the signal

With `kill_at` the process kills itself at that call, counted from 1, of those that write, rename
or remove files.
"""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path


def start(words, log, kill_at):
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    with Path(log).open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    if kill_at:
        die_at(kill_at)
    code = 1
    try:
        code = main(words)
        sys.stdout.flush()
    finally:
        os._exit(code)


def die_at(call):
    calls = 0

    def counted(function):
        def wrapper(*arguments, **named):
            nonlocal calls
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **named)

        return wrapper

    os.fsync = counted(os.fsync)
    Path.replace, Path.unlink = counted(Path.replace), counted(Path.unlink)


if __name__ == "__main__":
    import pandas  # noqa: F401

    with contextlib.suppress(ImportError):
        import optuna  # noqa: F401

    import adamcmp.execution.execute
    import adamcmp.training.train  # noqa: F401
    from adamcmp.cli import main
    from adamcmp.config import Composer

    Composer().sweep(["lr=1,2"])  # what it imports and what its parsers learn is kept
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        if command == "start":
            answer = start(*arguments)
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(arguments[0], 0)[1])
        print(answer, flush=True)
