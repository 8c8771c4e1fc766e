"""`adamcmp inspect`."""

import json

from adamcmp.cli.completion import candidates
from tests.support.commands import run


def test_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = run(capsys, "inspect", "torch.optim.Adam", "weight_decay=0.1")
    lines = dict(line.split(maxsplit=1) for line in text.splitlines() if line[0] != " ")
    assert lines["optimizer"] == "torch.optim.Adam(weight_decay=0.1)"
    assert lines["coupling"] == "l2"
    assert lines["decay"].startswith("g ← g + wd·θ before the update rule, wd = 0.1")
    assert "optimizer=adam_l2" in lines["nearest"] and lines["confidence"] == "high"
    assert max(map(len, text.splitlines())) <= 80


def test_an_optimizer_that_none_of_ours_is_near(capsys):
    text = run(capsys, "inspect", "torch.optim.LBFGS")
    assert "nearest       none of adamcmp's" in text and "difference" not in text
    assert "confidence    medium" in text


def test_json(capsys):
    result = json.loads(run(capsys, "inspect", "sgd", "wd=0.1", "momentum=0.5", "--json"))
    assert (result["coupling"], result["exact"]) == ("l2", True)
    assert result["nearest"][0] == "optimizer=sgd"
    assert result["rule"]["lr_in_momentum"] is False
    assert result["argument"]["factor"] == 1
    assert result["settings"] == {"weight_decay": 0.1, "momentum": 0.5}


def test_optimizers_are_completed():
    assert candidates("adamcmp inspect adamw") == ["adamw"]
