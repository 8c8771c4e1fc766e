"""Task functions can be pickled and imported without torch, and run what they name."""

import pickle
import subprocess
import sys

import pytest

from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.timings import Timings
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training import tasks
from adamcmp.training.outcome import Done


def no_report(progress):
    pass


def never():
    return False


@pytest.mark.parametrize("function", [tasks.train_task, tasks.autotune_task, tasks.warm_up])
def test_references_are_picklable(function):
    assert pickle.loads(pickle.dumps(function)) is function


def test_the_module_does_not_import_torch():
    code = "import sys, adamcmp.training.tasks as t; assert 'torch' not in sys.modules; t.warm_up(); assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_train_group(specs, tmp_path):
    group = LaneGroup((specs(["steps=2"])[0],))
    argument = (group, Checkpointing(tmp_path / "c.npz", 1e9))
    outcome = tasks.train_task(argument, no_report, never)
    assert isinstance(outcome, Done) and len(outcome.runs) == 1


def test_autotune(specs):
    (spec,) = specs(["model=logistic", "steps=2"])
    assert tasks.autotune_task((spec, False), no_report, never).timings is None
    assert isinstance(tasks.autotune_task((spec, True), no_report, never).timings, Timings)


def test_a_speed_that_cannot_be_measured_is_a_notice(specs, monkeypatch):
    monkeypatch.setattr("adamcmp.training.loop.GroupTraining.chunk", lambda self, begin: 1 / 0)
    checked = tasks.autotune_task((specs(["model=logistic"])[0], True), no_report, never)
    assert checked.timings is None
    assert "(ZeroDivisionError: division by zero). These runs" in checked.notices[-1]
