"""``adamcmp logs``: the output of a study's jobs."""

import os

import pytest

from adamcmp.cli import main
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.commands import run


@pytest.fixture
def study(results):
    Store(results / "s").open_for_training(CPU, [], {})
    return results / "s"


def test_the_last_lines_of_each_job_the_latest_last(study, capsys):
    (study / "jobs").mkdir()
    outputs = {"8_0_0_log.out": "", "9_1_0_log.out": "a\nb\nc\n", "ray-1.log": "d\n"}
    for number, (name, text) in enumerate(outputs.items()):
        (study / "jobs" / name).write_text(text)
        os.utime(study / "jobs" / name, (number, number))
    (study / "jobs" / "9_submitted.pkl").touch()
    lines = run(capsys, "logs", "s", "--lines", "2").splitlines()
    first, second, third = (f"==> {study / 'jobs' / name}" for name in outputs)
    assert lines == [first, "", second, "b", "c", "", third, "d", ""]


def test_a_study_without_jobs(study, capsys):
    assert run(capsys, "logs", "s") == (
        "Study 's' has no output of jobs. Jobs of executor=slurm and executor=ray write "
        "output once they run.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["s", "--lines", "0"], "--lines 0: should be at least 1"), (["x"], "no study 'x'")],
)
def test_invalid_arguments(study, capsys, arguments, message):
    assert main(["logs", *arguments]) == 2
    assert message in capsys.readouterr().err
