"""The command line: one module per command, whose ``parser`` declares it.

Commands import slow modules only when they need them, so that help and errors appear at once.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from contextvars import copy_context
from types import ModuleType

from adamcmp.cli._terminal import ASCII_SIGNS
from adamcmp.errors import AdamcmpError, Interrupted, nearest

#: The commands, in the order of the help text. Each is a module of this package.
COMMANDS = (
    "run",
    "sweep",
    "study",
    "extend",
    "settle",
    "worker",
    "cancel",
    "logs",
    "report",
    "compare",
    "plot",
    "import-csv",
    "ls",
    "show",
    "components",
    "check",
    "inspect",
    "convert",
    "equivalence",
    "landscape",
    "completion",
)
#: Other names of commands.
ALIASES = {"parts": "components"}

HELP = """\
usage: adamcmp COMMAND [ARGUMENT...]

Compare optimizers: which one, with which coupling of weight decay, generalizes
better on your problem, and is the difference statistically supported?

commands:
{commands}

options:
  -h, --help    Show this help
  --version     Show the version

examples:
  adamcmp run optimizer=adamw wd=0.01
  adamcmp sweep optimizer=adam_l2,adamw lr=1e-3,1e-2 seeds=5 study=first
  adamcmp report first

`adamcmp COMMAND --help` describes a command. Results are stored in
results/STUDY/. The override results= or the environment variable
ADAMCMP_RESULTS sets the folder, and study= sets the study.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: The command and its arguments; None selects those of the process.

    Returns:
        The exit code: 0; 1 if a run, a statistic or a plot failed, or another process is training
        a run; 2 for bad input; 128 plus the signal's number if a signal ended the command.
    """
    # Garbage collection as Python exits takes half a second once torch is imported. It skips frozen
    # objects.
    atexit.register(gc.freeze)
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ASCII_SIGNS)
    try:
        code = _dispatch(arguments)
        if sys.stdout is not None:  # None if closed by the caller, as with `>&-`
            sys.stdout.flush()
    except AdamcmpError as error:
        print(f"adamcmp: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        details = f": {interrupt}" if str(interrupt) else ""
        print(f"\nadamcmp: interrupted{details}.", file=sys.stderr)
        return 128 + (interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT)
    except OSError as error:
        if error.filename is not None:  # of a file, and not of stdout
            raise
        # Python flushes stdout when it exits, which would raise the error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has exited, as in `adamcmp ls | head`
            return 0
        print(f"adamcmp: Cannot write the output: {error.strerror}.", file=sys.stderr)
        return 1
    return code


def command_module(command: str) -> ModuleType:
    """Import the module of a command or of its alias."""
    name = ALIASES.get(command, command).replace("-", "_")
    return importlib.import_module(f"{__name__}.{name}")


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help(), end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from adamcmp.platform.provenance import package_version

        print(f"adamcmp {package_version('adamcmp')}")
        return 0
    command, rest = arguments[0], arguments[1:]
    if command == "complete":  # called by the completion script, not by people
        return int(command_module("completion").complete(rest))
    if command not in COMMANDS and command not in ALIASES:
        suggestion = nearest(command, [*COMMANDS, *ALIASES])
        suggestion = suggestion or " `adamcmp --help` lists the commands."
        if "=" in command:
            suggestion = f" Did you mean 'adamcmp run {' '.join(arguments)}'?"
        print(f"adamcmp: There is no command {command!r}.{suggestion}", file=sys.stderr)
        return 2
    # In a context of its own, so that --quiet ends with the command.
    return int(copy_context().run(command_module(command).main, rest))


def _help() -> str:
    lines = []
    for name in COMMANDS:
        aliases = [alias for alias, target in ALIASES.items() if target == name]
        suffix = f" (or {', '.join(aliases)})" if aliases else ""
        lines.append(f"  {name:<12} {command_module(name).parser().summary}{suffix}")
    return HELP.format(commands="\n".join(lines))
