"""Commands in the process of the test."""

import sys

import pytest

from adamcmp.cli import main

PYTHON = [sys.executable, "-m", "adamcmp"]


def run(capsys, *arguments):
    """Run a command that should succeed; return what it printed on stdout."""
    code = main(list(arguments))
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def listed(capsys, *arguments):
    """Return the lines of `adamcmp ls` in a wide terminal, without the header."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "1000")
        return run(capsys, "ls", *arguments).splitlines()[2:]
