"""``adamcmp import-csv``."""

import shlex

import pytest

from adamcmp.cli import main
from adamcmp.cli.completion import candidates
from tests.support.imports import BASE, CIFAR, ROWS


def test_files_and_names(capsys, results, tmp_path):
    assert main(["import-csv", "no.csv", "--study", "x"]) == 2
    assert "Cannot read no.csv: No such file or directory" in capsys.readouterr().err
    assert main(["import-csv", str(tmp_path), "--study", "x"]) == 2
    assert main(["import-csv", "no.csv", "--study", "../x"]) == 2
    assert "should be a plain folder name" in capsys.readouterr().err
    assert not results.exists()
    assert candidates("adamcmp import") == ["import-csv"]
    assert "--settings" in candidates("adamcmp import-csv --s")


def test_a_dry_run_writes_nothing(tmp_path, capsys, results):
    (tmp_path / "runs.csv").write_text(BASE + ROWS)
    assert main(["import-csv", "runs.csv", "--study", "x", *shlex.split(CIFAR), "-n"]) == 0
    assert "3 runs (3 done)" in (out := capsys.readouterr().out) and "Nothing was written" in out
    assert not results.exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--set lr", "--set lr: should be OURS=VALUE, such as --set lr=VALUE."),
        ("--map =a", "--map =a: should be OURS=COLUMN, such as --map lr=COLUMN."),
        ("--map lr=a lr=b", "--map lr is given twice."),
    ],
)
def test_options_of_another_form(option, message, capsys):
    assert main(["import-csv", "runs.csv", "--study", "x", *shlex.split(option)]) == 2
    assert message in capsys.readouterr().err
