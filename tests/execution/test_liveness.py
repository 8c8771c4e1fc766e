"""Which workers are alive, as their heartbeats show."""

import subprocess
import sys
from dataclasses import replace

import pytest

from adamcmp.errors import StoreError
from adamcmp.execution import liveness, queue_files
from adamcmp.execution.heartbeats import Heartbeat, ProcessStatus, WorkerRecord, worker_id
from adamcmp.execution.liveness import Liveness, process_statuses, worker_records
from adamcmp.execution.queue_files import list_queue, worker_file
from adamcmp.platform.processes import machine, process_start
from tests.support.memory_files import MemoryFiles

REMOTE = WorkerRecord(ProcessStatus(7, "elsewhere", 3, 1), 180.0, "start", "another machine")


@pytest.fixture
def files(tmp_path):
    return MemoryFiles(tmp_path / "s")


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only if the test sets it, or if a process sleeps."""

    class Clock:
        now = 100.0
        slept = 0

        @classmethod
        def sleep(cls, seconds):
            cls.slept += 1
            cls.now += seconds
            assert cls.slept < 10_000

    for module in (liveness, queue_files):
        monkeypatch.setattr(module.time, "monotonic", lambda: Clock.now)
        monkeypatch.setattr(module.time, "sleep", Clock.sleep)
    return Clock


def beat(files, worker="w", record=REMOTE, number=0):
    files.replace(worker_file(worker), replace(record, heartbeats=number).encode())


def test_an_ended_process_of_this_machine_is_dead_at_once(files):
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    status = ProcessStatus(process.pid, "here", 3)
    record = WorkerRecord(status, 180.0, process_start(process.pid), machine())
    worker = worker_id()
    beat(files, worker, record)
    beat(files, "reused", replace(record, started="before"))
    observer = Liveness(files)
    state = list_queue(files)
    assert observer.living(state) == {worker: record} and observer.is_alive(worker, state, 180.0)
    assert [*list_queue(files).workers] == [worker]
    process.kill()
    process.wait()
    state = list_queue(files)
    assert not observer.is_alive(worker, state, 180.0) and not observer.living(state)
    assert not list_queue(files).workers


@pytest.mark.parametrize("content", [b'{"x":', b"{}", b'{"status": {"pid": "x"}}'])
def test_a_damaged_heartbeat(files, content):
    files.create(worker_file("w"), content)
    with pytest.raises(StoreError, match=r"worker-w\.json is damaged .*Delete it"):
        Liveness(files).living(list_queue(files))


def test_a_frozen_process_of_this_machine_is_dead_after_its_lease(files, clock):
    with Heartbeat(files, 180.0, 3600.0) as heartbeat:
        observer = Liveness(files)
        assert observer.is_alive(heartbeat.worker, list_queue(files), 180.0)
        clock.now += 181
        assert not observer.is_alive(heartbeat.worker, list_queue(files), 180.0)


def test_a_worker_of_another_machine_lives_until_its_lease_is_over(files, clock):
    observer = Liveness(files)
    beat(files)
    for seconds, living in [(0, True), (179, True), (2, False)]:
        clock.now += seconds
        assert observer.is_alive("w", list_queue(files), 180.0) is living
    assert not list_queue(files).workers  # the next command need not wait for it
    beat(files, number=1)  # it was frozen
    assert observer.is_alive("w", list_queue(files), 180.0)
    clock.now += 170
    beat(files, number=2)
    assert observer.is_alive("w", list_queue(files), 180.0)
    clock.now += 170
    assert observer.is_alive("w", list_queue(files), 180.0)


def test_an_observer_that_was_frozen_after_its_listing_kills_no_one(files, clock):
    observer = Liveness(files)
    beat(files)
    assert observer.is_alive("w", list_queue(files), 180.0)
    state = list_queue(files)
    clock.now += 1000
    assert observer.is_alive("w", state, 180.0)


def test_a_worker_that_ends_after_it_was_listed_is_dead(files):
    worker = worker_id()
    beat(files, worker)
    state, observer = list_queue(files), Liveness(files)
    files.delete(worker_file(worker))
    # Asked for each of the worker's leases.
    assert [observer.is_alive(worker, state, 180.0) for _ in range(3)] == [False] * 3
    assert not observer.is_alive("unknown", state, 180.0)


def test_records_of_workers_on_other_hosts_are_not_read(files, monkeypatch):
    """The length of their leases is known from the plan."""
    beat(files)
    monkeypatch.setattr(files, "read", pytest.fail)
    assert Liveness(files).is_alive("w", list_queue(files), 180.0)


def test_a_changed_record_is_read_after_a_look_that_does_not_read(files):
    beat(files)
    observer = Liveness(files)
    observer.living(list_queue(files))
    beat(files, number=1)
    assert observer.is_alive("w", list_queue(files), 180.0)
    assert observer.living(list_queue(files))["w"].heartbeats == 1


def test_a_record_that_cannot_be_removed_is_dead(files, monkeypatch):
    def refused(name):
        raise PermissionError

    beat(files, record=replace(REMOTE, machine=machine()))
    monkeypatch.setattr(files, "delete", refused)
    assert not Liveness(files).living(list_queue(files))


def test_local_workers_need_no_second_heartbeat(files, clock):
    with Heartbeat(files, 180.0, 3600.0) as heartbeat:
        Liveness(files).await_heartbeats([heartbeat.worker], lambda: None, pytest.fail)
    assert clock.slept == 0


def test_workers_of_other_machines_are_awaited(files, clock, monkeypatch):
    """One writes its next heartbeat, another one has died; the third is none of those awaited."""
    for worker in ("alive", "dead", "other"):
        beat(files, worker)
    sleep, observer, notices = clock.sleep, Liveness(files), []

    def sleep_and_beat(seconds):
        sleep(seconds)
        beat(files, "alive", number=clock.slept)

    monkeypatch.setattr(liveness.time, "sleep", sleep_and_beat)
    observer.await_heartbeats(["alive", "dead"], lambda: None, notices.append)
    assert 180 <= clock.now - 100 < 182
    assert [*observer.living(list_queue(files))] == ["alive"]
    assert len(notices) == 1 and "Process 7 on elsewhere" in notices[0]


def test_a_signal_ends_the_wait(files, clock):
    beat(files)
    observer = Liveness(files)
    observer.await_heartbeats(["w"], lambda: 2 if clock.slept == 3 else None, pytest.fail)
    assert clock.slept == 3 and [*observer.living(list_queue(files))] == ["w"]


def test_the_statuses_of_a_study(files):
    beat(files, "a")
    beat(files, "b")
    assert worker_records(files).keys() == {"a", "b"}
    assert process_statuses(files) == [REMOTE.status] * 2
