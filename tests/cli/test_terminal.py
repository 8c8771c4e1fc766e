"""Text for a terminal."""

import io
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adamcmp.cli import _terminal, main
from adamcmp.cli._terminal import shown_if_slow, wrapped
from tests.support.commands import run
from tests.support.studies import THREE_STEPS

FULL_DISK = Path("/dev/full")


def make_terminal(monkeypatch):
    """Make a terminal of 20 columns of the streams, which are others than in a fixture."""
    monkeypatch.setenv("COLUMNS", "20")
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)


TEXT = "one two three four five six\nshort"


def test_lines_are_wrapped_on_a_terminal(capsys, monkeypatch):
    make_terminal(monkeypatch)
    assert wrapped(TEXT, "  ") == "one two three four\n  five six\nshort"


def test_lines_in_a_file_are_not_wrapped(capsys):
    assert wrapped(TEXT) == TEXT


def test_stdout_is_closed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["components", "optimizer"]) == 0


def test_only_a_slow_activity_is_shown(monkeypatch, capsys):
    make_terminal(monkeypatch)
    with shown_if_slow("thinking"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(_terminal, "PATIENCE", 0.0)
    with shown_if_slow("thinking"):
        time.sleep(0.2)
    shown = capsys.readouterr().err
    assert shown.startswith("\rthinking ... 0 s\r") and shown.endswith("\r")


def test_nothing_is_shown_in_a_file(monkeypatch, capsys):
    monkeypatch.setattr(_terminal, "PATIENCE", 0.0)
    with shown_if_slow("thinking"):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_no_command_prints_colors(capsys):
    texts = [run(capsys, "run", "-q", *THREE_STEPS)]
    run_id = texts[0].split("run ")[-1].split(",")[0]
    for command in (["ls"], ["ls", "scratch"], ["show", run_id], ["components"]):
        texts.append(run(capsys, *command))
    assert not any("\x1b" in text for text in texts)


def test_lists_fit_a_terminal_of_80_columns(monkeypatch, capsys):
    make_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", "80")
    for command in (["components"], ["plot"]):
        lines = run(capsys, *command).splitlines()
        assert max(map(len, lines)) <= 80
        assert any(line.startswith(" " * 17) for line in lines)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_signs_that_the_terminal_cannot_encode(encoding, monkeypatch):
    stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stdout)
    main(["--version"])
    print("−0.7 (−2.0 to 0.6) …, λ", file=stdout, flush=True)
    assert stdout.buffer.getvalue().endswith(b"\n-0.7 (-2.0 to 0.6) ..., ?\n")


@pytest.mark.skipif(not FULL_DISK.exists(), reason="needs /dev/full")
def test_the_output_goes_to_a_full_disk():
    with FULL_DISK.open("w") as full:
        command = [sys.executable, "-m", "adamcmp", "--help"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "adamcmp: Cannot write the output: No space left on device.\n"
