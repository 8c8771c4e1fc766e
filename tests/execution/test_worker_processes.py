"""Which executor trains, with how many workers."""

import pytest

from adamcmp.cli import main
from adamcmp.components.executors import ClusterSettings
from adamcmp.config import CONFIG_GROUPS, Execution
from adamcmp.execution.executors import Executor, Pool, Serial, executor_with_workers
from adamcmp.execution.worker_processes import WorkerProcesses, process_count
from adamcmp.platform import provenance
from tests.conftest import CPU


def test_a_worker_per_core_and_one_on_a_gpu():
    gpu = CPU.model_copy(update={"device": "cuda"})
    assert process_count(Execution(), gpu) == 1  # also if device=auto chose it
    assert process_count(Execution(), CPU) == provenance.available_cores()
    assert process_count(Execution(workers=3), gpu) == 3
    assert process_count(Execution(executor="serial"), CPU) == 0


@pytest.mark.parametrize(
    ("settings", "runs", "executor_class"),
    [
        ({}, 1, Serial),
        ({"workers": 0}, 5, Serial),
        ({"executor": "serial"}, 5, Serial),
        ({"workers": 2}, 5, Pool),
        ({"executor": "pool", "workers": 1}, 1, Pool),
    ],
)
def test_the_executor_follows_from_the_settings(settings, runs, executor_class):
    with WorkerProcesses() as workers:
        executor = workers.executor(Execution(**settings), CPU, runs, lambda: None)
        assert type(executor) is executor_class


def test_every_choice_of_the_setting_names_an_executor():
    group = CONFIG_GROUPS["executor"]
    local = {n for n in group.names if not issubclass(group.component(n), ClusterSettings)}
    assert local == {"serial", "pool"}
    assert issubclass(executor_with_workers("pool"), Executor)


def test_workers_are_kept_for_later_batches_and_replaced_by_more():
    with WorkerProcesses() as workers:

        def started(runs):
            return workers.executor(Execution(workers=2), CPU, runs, lambda: None)

        one = workers.executor(Execution(workers=1), CPU, 5, lambda: None)
        assert one.slots == 1 and started(1) is one  # a single run too, once there are workers
        two = started(5)
        assert two.slots == 2 and started(2) is two and not one.process_ids
    assert not two.process_ids


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["executor=serial", "workers=2"], "executor=serial has no worker processes"),
        (["executor=pool", "workers=0"], "executor=pool needs worker processes"),
        (["executor=pol"], "Did you mean 'pool'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(overrides, message, capsys):
    assert main(["run", *overrides]) == 2
    assert message in capsys.readouterr().err
