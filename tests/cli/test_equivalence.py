"""`adamcmp equivalence`."""

import json
from pathlib import Path

from tests.support.commands import run

SMALL = ("dataset=teacher", "model=logistic", "steps=3", "batch_size=8")


def test_tables_and_pictures(capsys):
    text = run(capsys, "equivalence", "sgd:momentum=0", "lion", *SMALL, "--out", "pictures")
    assert max(map(len, text.splitlines())) <= 100
    assert "The same up to rounding: sgd:momentum=0.\nDifferent: lion.\n" in text
    assert text.endswith("pictures/distances.png\npictures/decay.png\n")
    for name in ("distances", "decay"):
        assert Path(f"pictures/{name}.png").read_bytes().startswith(b"\x89PNG")


def test_json(capsys):
    result = json.loads(run(capsys, "equivalence", "sgd:momentum=0", *SMALL, "--json"))
    assert result["optimizers"][0]["is_rounding"] and result["pictures"] == []


def test_check(capsys):
    lines = run(capsys, "equivalence", "--check").splitlines()
    assert lines[0].split() == ["topic", "result", "deviation", "claim"]
    assert lines[1].startswith("SGD       true   ")
    assert json.loads(run(capsys, "equivalence", "--check", "--json"))["holds"]
