"""`adamcmp landscape`."""

import json
from pathlib import Path

from tests.support.commands import run


def test_list_and_picture(capsys):
    assert run(capsys, "landscape").startswith("quadratic      a quadratic bowl; ")
    lines = run(capsys, "landscape", "beale", "sgd:lr=0.001", "adam", "steps=3").splitlines()
    assert lines[0].split() == ["optimizer", "lr", "wd", "steps", "x", "y", "value"]
    assert lines[-1] == "beale.png" and Path("beale.png").exists()


def test_json(capsys):
    arguments = ("beale", "sgd:lr=0.001", "steps=3", "--start=0.5,1", "--out", "a.svg", "--json")
    result = json.loads(run(capsys, "landscape", *arguments))
    assert result["file"] == "a.svg" and result["paths"][0]["steps"] == 3
