"""Fixtures: files that are imported, or rejected."""

import shlex

import pytest

from adamcmp.cli import main
from adamcmp.storage import reader
from tests.support.imports import CIFAR


@pytest.fixture
def imported(tmp_path, capsys):
    """Write a file, import it with some flags, return the study's tables."""

    def call(content, flags=CIFAR, study="theirs"):
        file = tmp_path / "runs.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        code = main(["import-csv", str(file), "--study", study, *shlex.split(flags)])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return (*reader.load(tmp_path / "results" / study), captured.out)

    return call


@pytest.fixture
def rejected(tmp_path, capsys):
    """Write a file, import it, return the error; nothing has been written."""

    def call(content, flags=CIFAR):
        file = tmp_path / "runs.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        before = sorted(tmp_path.rglob("*"))
        assert main(["import-csv", str(file), "--study", "theirs", *shlex.split(flags)]) == 2
        out, err = capsys.readouterr()
        assert out == "" and "Traceback" not in err and len(err.splitlines()) <= 2
        assert sorted(tmp_path.rglob("*")) == before
        return err

    return call
