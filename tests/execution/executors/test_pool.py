"""Worker processes: those that die, do not start or are unusable are replaced."""

import contextlib
import gc
import os
import re
import sys
from pathlib import Path

import pytest

import adamcmp
from adamcmp.errors import ConfigError, RunFailed
from adamcmp.execution.executors import Pool, Task, WorkerProcessDied, pool
from tests.support.toy_tasks import die, echo, leave_unusable, refuse, results_of
from tests.support.waiting import wait_until

#: Versions of Python with which the tests of this file have passed. A worker opens its end of the
#: connection with an undocumented constructor of multiprocessing.
VERSIONS_RUN = {(3, 11)}


@pytest.fixture
def workers():
    with contextlib.closing(Pool(2, 1)) as executor:
        yield executor


def test_this_version_of_python_was_run():
    assert sys.version_info[:2] in VERSIONS_RUN, "run the tests of this file, then add it"


def test_connections_are_opened_by_a_worker_only():
    package = Path(adamcmp.__file__).parent
    opened = re.compile(r"\bConnection\(")
    files = [file for file in package.rglob("*.py") if opened.search(file.read_text())]
    assert [file.name for file in files] == ["_worker.py"]


def test_a_worker_that_fails_as_it_starts(monkeypatch):
    monkeypatch.setattr(pool, "WORKER_SCRIPT", "import nonsense_that_does_not_exist")
    with contextlib.closing(Pool(1, 1)) as workers:
        workers.submit([Task(echo, 1)])
        with pytest.raises(RunFailed, match="ended with exit code 1 while starting"):
            wait_until(workers.poll)


def test_modules_of_the_working_directory_replace_none(tmp_path):
    for name in ("json", "numpy", "gc"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w')\n")
    with contextlib.closing(Pool(1, 1)) as workers:
        workers.submit([Task(echo, 1)])
        assert results_of(workers, 1) and not (tmp_path / "imported").exists()


def test_a_worker_that_never_starts(monkeypatch):
    monkeypatch.setattr(pool, "WORKER_SCRIPT", "import signal; signal.pause()")
    monkeypatch.setattr(pool, "START_TIMEOUT", 0.5)
    with contextlib.closing(Pool(1, 1)) as workers:
        workers.submit([Task(echo, 1)])
        with pytest.raises(RunFailed, match=r"did not start in 0\.5 s"):
            wait_until(workers.poll)


def test_progress_messages_are_few(workers):
    messages = []
    handles = workers.submit([Task(echo, 50_000)] * 2)
    values = results_of(workers, 2, lambda handle, number: messages.append(number))
    assert values == dict.fromkeys(handles, 50_000) and len(messages) < 500


def test_a_killed_worker_costs_its_task_and_is_replaced(workers):
    (handle,) = workers.submit([Task(die, 0)])
    reason = "The worker process was killed by signal 9."
    assert results_of(workers, 1) == {handle: WorkerProcessDied(reason)}
    handles = workers.submit([Task(echo, 1), Task(echo, 2)])
    assert results_of(workers, 2) == {handles[0]: 1, handles[1]: 2}


def test_what_a_killed_worker_printed_is_not_lost(capfd, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with contextlib.closing(Pool(1, 1)) as workers:
        workers.submit([Task(die, 0)])
        results_of(workers, 1)
    assert "printed before the end" in capfd.readouterr().err


def test_an_unusable_process_is_replaced_and_its_value_kept():
    """As after a fault of a GPU, which fails every later call of the process."""
    with contextlib.closing(Pool(1, 1)) as workers:
        for number in (1, 2):
            (before,) = workers.process_ids
            (handle,) = workers.submit([Task(leave_unusable, number)])
            assert results_of(workers, 1) == {handle: number}
            (handle,) = workers.submit([Task(echo, 5)])
            assert results_of(workers, 1) == {handle: 5}
            assert workers.process_ids != [before]


def test_results_that_arrive_with_an_error_come_before_it(workers):
    _, echoed = workers.submit([Task(refuse, 0), Task(echo, 0)])
    values, errors = {}, []

    def ended():
        try:
            values.update({r.handle: r.value for r in workers.poll()})
        except ConfigError as error:
            errors.append(error)
        return values and errors

    wait_until(ended)
    assert values == {echoed: 0} and len(errors) == 1


def test_warms_up(tmp_path, monkeypatch):
    monkeypatch.setenv("WARM", str(tmp_path / "warm"))
    with contextlib.closing(Pool(1, 1, create_warm_file)) as workers:
        (handle,) = workers.submit([Task(echo, 1)])
        assert results_of(workers, 1) == {handle: 1} and (tmp_path / "warm").exists()


def create_warm_file():
    Path(os.environ["WARM"]).touch()


def test_what_a_worker_has_imported_is_not_searched_for_garbage(workers):
    (handle,) = workers.submit([Task(garbage_collection, None)])
    assert results_of(workers, 1) == {handle: (True, True)}


def garbage_collection(argument, report, should_stop):
    return gc.isenabled(), gc.get_freeze_count() > 0
