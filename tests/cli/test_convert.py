"""`adamcmp convert`."""

import json

import pytest

from adamcmp.cli.completion import candidates
from adamcmp.workflows.convert import CONVENTIONS
from tests.support.commands import run

PAPER = [
    *("wd=0.025", "--from", "normalized", "--lr", "1e-3"),
    *("--batch-size", "128", "--samples", "50000", "--epochs", "100"),
]


def test_one_convention(capsys):
    lines = run(capsys, "convert", *PAPER, "--to", "decoupled").splitlines()
    assert lines[2].split()[:5] == ["decoupled", "0.1265", "c", "=", "lr·wd"]
    assert lines[3] == ""
    assert "only for SGD without momentum" in " ".join(lines)


def test_all_conventions_and_missing_flags(capsys):
    text = run(capsys, "convert", "0.1", "--from", "decoupled")
    assert all(f"\n{name} " in text for name in CONVENTIONS)
    assert "needs --lr" in text and max(map(len, text.splitlines())) <= 80


def test_json(capsys):
    result = json.loads(run(capsys, "convert", *PAPER, "--json"))
    values = {row["convention"]: row["value"] for row in result["conversions"]}
    assert list(values) == list(CONVENTIONS)
    assert values["independent"] == pytest.approx(1.2649e-4, rel=1e-4)
    assert "SGD without momentum" in result["note"]


def test_conventions_are_completed():
    assert candidates("adamcmp convert wd=1 --to ind") == ["independent"]
