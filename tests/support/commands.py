"""Commands in the process of the test."""

import sys

from adamcmp.cli import main

PYTHON = [sys.executable, "-m", "adamcmp"]


def run(capsys, *arguments):
    """Run a command that should succeed; return what it printed on stdout."""
    code = main(list(arguments))
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def listed(capsys, *arguments):
    """Return the lines of `adamcmp ls`, without the header."""
    return run(capsys, "ls", *arguments).splitlines()[2:]
