"""The interface suffices for a cluster: tasks run in processes that outlive the submitting one."""

import json
import multiprocessing
import signal
from pathlib import Path

import pytest

from adamcmp.execution.execute import execute
from adamcmp.execution.executors import Handle, Task, WorkerProcessDied
from adamcmp.execution.worker_processes import WorkerProcesses
from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage import reader
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.conformance import comparable
from adamcmp.training.tasks import train_task
from tests.support.detached_executor import Detached, submit_and_die
from tests.support.frame_bits import different_bits
from tests.support.studies import SMALL
from tests.support.toy_tasks import echo, results_of, wait_for_stop
from tests.support.training import metrics
from tests.support.waiting import wait_until

RUN = [*SMALL, "model=logistic", "seed=0", "steps=40", "eval.every_steps=10", "engine=eager"]


def test_tasks_outlive_the_executor_that_submitted_them(tmp_path):
    first = Detached(tmp_path)
    handles = first.submit([Task(wait_for_stop, 0), Task(echo, 2)])
    first.close()
    second = Detached(tmp_path, handles)
    second.cancel(handles[:1])
    assert results_of(second, 2) == {handles[0]: "stopped", handles[1]: 2}


def test_a_process_that_dies(tmp_path):
    executor = Detached(tmp_path)
    (handle,) = executor.submit([Task(wait_for_stop, 0)])
    wait_until(lambda: (tmp_path / f"{handle.task_id}.progress").exists())
    executor.kill(handle)
    assert isinstance(results_of(executor, 1)[handle], WorkerProcessDied)


class DetachedWorkers(WorkerProcesses):
    """The workers of a command that trains with the detached executor."""

    def executor(self, execution, numerics, runs, interrupted):
        return Detached(Path("tasks"))


@pytest.mark.slow
def test_a_sweep_has_the_same_bits_as_in_this_process(composer):
    tables = []
    for study, workers in (("here", None), ("detached", DetachedWorkers())):
        executed = execute(composer.sweep([*RUN, f"study={study}"]), workers=workers)
        assert len(executed.trained) == 1 and not executed.failed
        tables.append(reader.load(executed.folder))
    assert len(list(Path("tasks").glob("*.result"))) >= 2  # one check of the kind, and the run
    # Each process looks once for the repository of its working directory.
    differ = ["study", "finished_at", "wall_time_s", "git_commit", "git_dirty"]
    for order, frames in zip(
        (["run_id"], ["run_id", "step"]), zip(*tables, strict=True), strict=True
    ):
        here, detached = (
            frame.drop(columns=differ, errors="ignore").sort_values(order, ignore_index=True)
            for frame in frames
        )
        assert different_bits(here, detached) == []


@pytest.mark.slow
def test_another_process_receives_what_a_dead_one_submitted(specs, tmp_path):
    group = LaneGroup(tuple(specs(RUN)))
    argument = (group, Checkpointing(tmp_path / "checkpoint.npz", 1e9))
    tasks = [Task(train_task, argument), Task(echo, 1)]
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=submit_and_die, args=(tmp_path, tasks))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    handles = [Handle(task_id) for task_id in json.loads((tmp_path / "handles.json").read_text())]
    values = results_of(Detached(tmp_path, handles), 2)
    assert values[handles[1]] == 1
    assert comparable(values[handles[0]].metrics) == metrics([group])
