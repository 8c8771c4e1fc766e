"""What every executor promises, and what each of them does when its workers die."""

import json
import os
import signal
import time

import pytest

from adamcmp.errors import ConfigError, RunFailed, WorkerUnusable
from adamcmp.execution.executors import Handle, Pool, Result, Serial, Task, WorkerDied, pool
from tests.support.detached_executor import Detached
from tests.support.waiting import until


def echo(argument, report, should_stop):
    for number in range(argument):
        report(number)
    return argument


def refuse(argument, report, should_stop):
    raise ConfigError("not this one")


def spoil(argument, report, should_stop):
    raise WorkerUnusable(argument)


def wait_for_stop(argument, report, should_stop):
    report("started")
    end = time.monotonic() + 60
    while not should_stop():
        assert time.monotonic() < end
        time.sleep(0.01)
    return "stopped"


def die(argument, report, should_stop):
    print("printed before the end")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(params=["serial", "pool", "detached"])
def executor(request, tmp_path):
    made = {
        "serial": lambda: Serial(),
        "pool": lambda: Pool(2, 1),
        "detached": lambda: Detached(tmp_path / "tasks"),
    }[request.param]()
    yield made
    made.close()


@pytest.fixture
def workers():
    made = Pool(2, 1)
    yield made
    made.close()


def results_of(executor, count, on_progress=lambda handle, message: None):
    """Poll until so many results have arrived; return their values by handle."""
    values = {}

    def arrived():
        values.update({r.handle: r.value for r in executor.poll(on_progress)})
        return len(values) >= count

    until(arrived)
    return values


class TestEveryExecutor:
    def test_runs_a_batch_and_returns_each_result_once(self, executor):
        """More tasks than slots: the rest waits."""
        handles = executor.submit([Task(echo, number) for number in range(5)])
        assert results_of(executor, 5) == dict(zip(handles, range(5), strict=True))
        assert executor.poll() == []

    def test_handles_are_plain_data(self, executor):
        (handle,) = executor.submit([Task(echo, 1)])
        assert results_of(executor, 1) == {Handle(json.loads(json.dumps(handle.task_id))): 1}

    def test_reports_progress(self, executor):
        messages = []
        (handle,) = executor.submit([Task(echo, 3)])
        results_of(executor, 1, lambda handle, message: messages.append((handle, message)))
        assert messages and {h for h, _ in messages} == {handle}

    def test_an_error_of_ours_is_raised_by_a_poll(self, executor):
        executor.submit([Task(refuse, 0)])
        with pytest.raises(ConfigError, match="not this one"):
            until(executor.poll)
        (handle,) = executor.submit([Task(echo, 1)])
        assert results_of(executor, 1) == {handle: 1}

    def test_cancelled_tasks_end_early(self, executor):
        if isinstance(executor, Serial):
            handles = executor.submit([Task(echo, 1), Task(echo, 2)])
            executor.cancel(handles[1:])
            assert executor.poll() == [Result(handles[0], 1)] and executor.poll() == []
            return
        started = []
        (handle,) = executor.submit([Task(wait_for_stop, 0)])
        until(lambda: executor.poll(lambda *message: started.append(message)) or started)
        executor.cancel([handle])
        assert results_of(executor, 1) == {handle: "stopped"}


class TestDetached:
    def test_tasks_outlive_the_executor_that_submitted_them(self, tmp_path):
        first = Detached(tmp_path)
        handles = first.submit([Task(wait_for_stop, 0), Task(echo, 2)])
        first.close()
        second = Detached(tmp_path, handles)
        second.cancel(handles[:1])
        assert results_of(second, 2) == {handles[0]: "stopped", handles[1]: 2}

    def test_a_process_that_dies(self, tmp_path):
        executor = Detached(tmp_path)
        (handle,) = executor.submit([Task(wait_for_stop, 0)])
        until(lambda: (tmp_path / f"{handle.task_id}.progress").exists())
        executor.kill(handle)
        assert isinstance(results_of(executor, 1)[handle], WorkerDied)


class TestSerial:
    def test_an_unusable_process_is_only_a_result(self):
        executor = Serial()
        (handle,) = executor.submit([Task(spoil, 3)])
        assert executor.poll() == [Result(handle, 3)]

    def test_what_a_task_prints_goes_to_stderr(self, capfd):
        def prints(argument, report, should_stop):
            print("from the user's model")

        executor = Serial()
        executor.submit([Task(prints, 0)])
        executor.poll()
        assert capfd.readouterr() == ("", "from the user's model\n")


class TestPool:
    @pytest.mark.parametrize(
        ("script", "message"),
        [("import nonsense_that_does_not_exist", "ended with exit code 1 as it started"),
         ("import time; time.sleep(60)", "did not start in 0.5 s")],
    )  # fmt: skip
    def test_a_worker_that_does_not_start(self, script, message, monkeypatch):
        monkeypatch.setattr(pool, "WORKER_SCRIPT", script)
        monkeypatch.setattr(pool, "START_TIMEOUT", 0.5)
        workers = Pool(1, 1)
        try:
            workers.submit([Task(echo, 1)])
            with pytest.raises(RunFailed, match=message):
                until(workers.poll)
        finally:
            workers.close()

    def test_progress_messages_are_few(self, workers):
        messages = []
        handles = workers.submit([Task(echo, 50_000)] * 2)
        values = results_of(workers, 2, lambda handle, number: messages.append(number))
        assert values == dict.fromkeys(handles, 50_000) and len(messages) < 500

    def test_a_killed_worker_costs_its_task_and_is_replaced(self, workers):
        (handle,) = workers.submit([Task(die, 0)])
        reason = "The worker process was killed by signal 9."
        assert results_of(workers, 1) == {handle: WorkerDied(reason)}
        handles = workers.submit([Task(echo, 1), Task(echo, 2)])
        assert results_of(workers, 2) == {handles[0]: 1, handles[1]: 2}

    def test_what_a_killed_worker_printed_is_not_lost(self, capfd, monkeypatch):
        monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
        workers = Pool(1, 1)
        try:
            workers.submit([Task(die, 0)])
            results_of(workers, 1)
            assert "printed before the end" in capfd.readouterr().err
        finally:
            workers.close()

    def test_an_unusable_process_is_replaced_and_its_value_kept(self):
        """As after a fault of a GPU, which fails every later call of the process."""
        workers = Pool(1, 1)
        try:
            for number in (1, 2):
                (before,) = workers.process_ids
                (handle,) = workers.submit([Task(spoil, number)])
                assert results_of(workers, 1) == {handle: number}
                (handle,) = workers.submit([Task(echo, 5)])
                assert results_of(workers, 1) == {handle: 5}
                assert workers.process_ids != [before]
        finally:
            workers.close()

    def test_results_that_arrive_with_an_error_come_before_it(self, workers):
        _, echoed = workers.submit([Task(refuse, 0), Task(echo, 0)])
        values, errors = {}, []

        def ended():
            try:
                values.update({r.handle: r.value for r in workers.poll()})
            except ConfigError as error:
                errors.append(error)
            return values and errors

        until(ended)
        assert values == {echoed: 0} and len(errors) == 1

    def test_warms_up(self, tmp_path, monkeypatch):
        monkeypatch.setenv("WARM", str(tmp_path / "warm"))
        workers = Pool(1, 1, touch_warm)
        try:
            (handle,) = workers.submit([Task(echo, 1)])
            assert results_of(workers, 1) == {handle: 1} and (tmp_path / "warm").exists()
        finally:
            workers.close()


def touch_warm():
    with open(os.environ["WARM"], "w"):  # noqa: PTH123
        pass
