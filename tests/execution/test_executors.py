"""What every executor promises, the detached one of these tests included."""

import contextlib
import json

import pytest

from adamcmp.errors import ConfigError
from adamcmp.execution.executors import Handle, Pool, Serial, Task
from tests.support.detached_executor import Detached
from tests.support.toy_tasks import echo, refuse, results_of, wait_for_stop
from tests.support.waiting import wait_until


@pytest.fixture(params=["serial", "pool", "detached"])
def executor(request, tmp_path):
    start = {
        "serial": Serial,
        "pool": lambda: Pool(2, 1),
        "detached": lambda: Detached(tmp_path / "tasks"),
    }[request.param]
    with contextlib.closing(start()) as executor:
        yield executor


def test_runs_a_batch_and_returns_each_result_once(executor):
    """More tasks than slots: the rest waits."""
    handles = executor.submit([Task(echo, number) for number in range(5)])
    assert results_of(executor, 5) == dict(zip(handles, range(5), strict=True))
    assert executor.poll() == []


def test_handles_are_plain_data(executor):
    (handle,) = executor.submit([Task(echo, 1)])
    assert results_of(executor, 1) == {Handle(json.loads(json.dumps(handle.task_id))): 1}


def test_reports_progress(executor):
    messages = []
    (handle,) = executor.submit([Task(echo, 3)])
    results_of(executor, 1, lambda handle, message: messages.append((handle, message)))
    assert messages and {h for h, _ in messages} == {handle}


def test_an_error_of_ours_is_raised_by_a_poll(executor):
    executor.submit([Task(refuse, 0)])
    with pytest.raises(ConfigError, match="not this one"):
        wait_until(executor.poll)
    (handle,) = executor.submit([Task(echo, 1)])
    assert results_of(executor, 1) == {handle: 1}


def test_cancelled_tasks_end_early(executor):
    if isinstance(executor, Serial):
        pytest.skip("nothing can be cancelled while a task runs in this process")
    started = []
    (handle,) = executor.submit([Task(wait_for_stop, 0)])
    wait_until(lambda: executor.poll(lambda *message: started.append(message)) or started)
    executor.cancel([handle])
    assert results_of(executor, 1) == {handle: "stopped"}
