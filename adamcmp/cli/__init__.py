"""The command line. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable, Sequence

from adamcmp.errors import AdamcmpError, Interrupted, nearest

#: Command -> (module that holds it, its one line).
COMMANDS = {
    "run": ("adamcmp.cli.run", "train one run: adamcmp run optimizer=adamw wd=0.01"),
    "sweep": (
        "adamcmp.cli.run",
        "train a grid: adamcmp sweep optimizer=adam_l2,adamw seeds=5",
    ),
    "study": ("adamcmp.cli.study", "train a study file's grids, then seeds of its winners"),
    "extend": (
        "adamcmp.cli.study",
        "train the cells beyond the edge that a best setting lies on",
    ),
    "report": ("adamcmp.cli.report", "plots and a table of a study, by optimizer"),
    "compare": (
        "adamcmp.cli.compare",
        "one paired comparison: adamcmp compare STUDY --a optimizer=adamw --b optimizer=sgd",
    ),
    "plot": ("adamcmp.cli.plot", "one plot of a study: adamcmp plot heatmap STUDY --out f.pdf"),
    "import-csv": (
        "adamcmp.cli.import_csv",
        "bring runs that another program trained into a study",
    ),
    "ls": ("adamcmp.cli.browse", "list studies, or the runs of one: adamcmp ls STUDY lr=0.001"),
    "show": ("adamcmp.cli.browse", "one run's config, provenance and curve"),
    "parts": (
        "adamcmp.cli.browse",
        "the datasets, models, optimizers, schedules, losses, loggers there are",
    ),
    "completion": ("adamcmp.cli.completion", "print the completion script for bash or zsh"),
}

HELP = """usage: adamcmp COMMAND ...

Which optimizer, with which coupling of weight decay, generalizes better on
your problem, and is the difference real?

commands:
{commands}

options:
  -h, --help     show this
  --version      show the version

`adamcmp COMMAND --help` says more. Results go to results/<study>/ (results=,
or the environment's ADAMCMP_RESULTS; study=, else scratch for `run`, and for
`sweep` a name made of its words).
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its code: 0, 1 (a run failed), 2 (bad input), 128 + a signal."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a sign shows "?" in its place
            stream.reconfigure(errors="replace")
    try:
        code = _dispatch(words)
        if sys.stdout is not None:  # closed, as by `>&-`
            sys.stdout.flush()
    except AdamcmpError as error:
        print(f"adamcmp: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        kept = f": {interrupt}" if str(interrupt) else ""
        print(f"\nadamcmp: interrupted{kept}.", file=sys.stderr)
        return 128 + (interrupt.number if isinstance(interrupt, Interrupted) else signal.SIGINT)
    except BrokenPipeError:  # `adamcmp ls | head`: the reader has gone, quietly go too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help(), end="")
        return 0 if words else 2
    if words[0] == "--version":
        from adamcmp.platform.provenance import package_version

        print(f"adamcmp {package_version('adamcmp')}")
        return 0
    command = words[0]
    if command == "complete":  # what the completion script calls; not for people
        return _load("completion", "complete")(words[1:])
    if command not in COMMANDS:
        guess = nearest(command, COMMANDS)
        if "=" in command:
            guess = f" Did you mean 'adamcmp run {' '.join(words)}'?"
        print(f"adamcmp: There is no command {command!r}.{guess}", file=sys.stderr)
        return 2
    return _load(command, command)(words[1:])


def _load(command: str, function: str) -> Callable[[list[str]], int]:
    module = importlib.import_module(COMMANDS[command][0])
    loaded: Callable[[list[str]], int] = getattr(module, function.replace("-", "_"))
    return loaded


def _help() -> str:
    lines = (f"  {name:<12} {line}" for name, (_, line) in COMMANDS.items())
    return HELP.format(commands="\n".join(lines))
