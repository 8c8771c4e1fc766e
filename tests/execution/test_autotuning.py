"""Checking and measuring kinds of runs before training."""

import pytest

from adamcmp.execution import autotuning
from adamcmp.execution.autotuning import autotuned, discard_wrong_timings
from adamcmp.execution.executors import Executor, Handle, Result, WorkerProcessDied
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.run_kinds import run_kinds_by_key
from adamcmp.planning.timings import Timings
from adamcmp.training.outcome import Done
from adamcmp.training.tasks import Checked, autotune_task, compile_evaluation_task
from tests.conftest import CPU


def test_wrong_timings_are_discarded(specs, monkeypatch):
    """They are cached by the study's numerics, also those of runs that it trains eagerly."""
    compiled = CPU.model_copy(update={"engine": "compiled"})
    planned = specs(["model=cnn1d", "steps=1000"], compiled)
    assert planned[0].numerics.engine == "eager"
    run_kinds = run_kinds_by_key(spec.config for spec in planned)
    discarded = []
    monkeypatch.setattr(autotuning, "discard_timings", discarded.append)
    (key,) = (kind.timing_key(compiled) for kind in run_kinds.values())
    costs = CostModel(run_kinds, dict.fromkeys(run_kinds, Timings({1: 1e-3}, 1e-6)))
    group = LaneGroup(tuple(planned))
    for seconds in (1.2, 0.2, 5.0):  # a second was predicted; short groups show nothing
        outcome = Done([{"status": "done", "wall_time_s": seconds}], [])
        discard_wrong_timings(costs, compiled, group, outcome)
    assert discarded == [key]


class Checking(Executor):
    """The check of an MLP has the given result; other runs are measured."""

    slots = 2

    def __init__(self, result):
        self.result = result
        self.submitted, self.running = [], []

    def submit(self, tasks):
        handles = [Handle(str(len(self.submitted) + i)) for i in range(len(tasks))]
        self.submitted += tasks
        self.running += zip(handles, tasks, strict=True)
        return handles

    def poll(self, on_progress=None):
        running, self.running = self.running, []
        return [Result(handle, self.value(task)) for handle, task in running]

    def value(self, task):
        if task.function is compile_evaluation_task:
            return None
        spec, _ = task.argument
        if spec.config.model.name == "mlp":
            return self.result
        return Checked(("a notice",), Timings({1: 1.0}, 1.0))

    def cancel(self, handles):
        raise AssertionError("nothing is cancelled")

    def close(self):
        pass


@pytest.mark.parametrize(
    ("result", "submitted", "notice"),
    [
        (
            WorkerProcessDied("The worker was killed."),
            3,
            "not be measured (The worker was killed.)",
        ),
        (Checked(("not measured",)), 2, "not measured"),
    ],
)
def test_a_run_whose_check_fails_is_left_to_training_with_a_notice(
    result, submitted, notice, specs, monkeypatch
):
    monkeypatch.setattr(autotuning, "known_timings", lambda *_: {})
    monkeypatch.setattr(autotuning, "keep_timings", lambda *_: None)
    planned = tuple(specs(["model=mlp,logistic", "seed=range(2)"]))
    executor = Checking(result)
    plan = Plan(CPU, planned, run_kinds_by_key(spec.config for spec in planned))
    notices = []
    tuned = autotuned(plan, executor, lambda: None, notices.append)
    assert len(executor.submitted) == submitted
    assert sum(notice in text for text in notices) == 1 and "a notice" in notices
    assert [*tuned.costs.timings] == [planned[-1].run_kind]
    assert tuned.costs.total_seconds(tuned.groups()) is None


@pytest.mark.parametrize(
    ("engine", "slots", "tasks"), [("compiled", 2, 2), ("compiled", 1, 1), ("traced", 2, 1)]
)
def test_a_free_worker_compiles_evaluations(engine, slots, tasks, specs, monkeypatch):
    monkeypatch.setattr(autotuning, "known_timings", lambda *_: {})
    monkeypatch.setattr(autotuning, "keep_timings", lambda *_: None)
    numerics = CPU.model_copy(update={"engine": engine})
    planned = tuple(specs(["model=logistic", "seed=range(2)"], numerics))
    executor = Checking(None)
    executor.slots = slots
    plan = Plan(numerics, planned, run_kinds_by_key(spec.config for spec in planned))
    autotuned(plan, executor, lambda: None, lambda text: None)
    functions = [task.function for task in executor.submitted]
    assert functions == [autotune_task, compile_evaluation_task][:tasks]
