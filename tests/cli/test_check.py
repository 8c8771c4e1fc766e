"""`adamcmp check`."""

import json

from adamcmp.cli import main
from tests.support.commands import run


def test_table(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = run(capsys, "check", "model=logistic", "dataset=teacher")
    assert text.startswith("data         ok       ")
    assert max(map(len, text.splitlines()[:-1])) <= 60
    assert text.endswith("`adamcmp run model=logistic dataset=teacher` trains a run.\n")


def test_json_and_exit_code(capsys, tmp_path):
    assert json.loads(run(capsys, "check", "--json", "model=logistic", "dataset=teacher"))["holds"]
    assert main(["check", "missing.csv", "dataset.target=y", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["target"], result["holds"]) == ("missing.csv", False)
    assert result["checks"][0]["status"] == "failed"
    assert "there is no such file" in result["checks"][0]["detail"]
