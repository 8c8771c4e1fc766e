"""The record that shows others that a process trains, and what it has missed."""

import json
import os
import socket
from contextlib import nullcontext
from dataclasses import replace

import pytest

from adamcmp.errors import StoreError
from adamcmp.execution.heartbeats import Heartbeat, ProcessStatus, WorkerRecord
from adamcmp.execution.queue_files import QUEUE, list_queue, read_record, worker_file
from adamcmp.storage.folder import Folder
from tests.support.memory_files import MemoryFiles
from tests.support.waiting import wait_until

HOUR = 3600.0


@pytest.fixture
def files(tmp_path):
    return MemoryFiles(tmp_path / "s")


def record_of(files, heartbeat):
    return read_record(files, worker_file(heartbeat.worker), WorkerRecord)


def test_a_record_is_read_as_it_was_written(files):
    record = WorkerRecord(ProcessStatus(7, "h", 5, 2, 0.5), 180.0, "start", "m", "cpu", 3)
    files.create(worker_file("w"), record.encode())
    assert read_record(files, worker_file("w"), WorkerRecord) == record


def test_a_record_of_another_version(files):
    values = {"status": {"pid": 7, "host": "h", "runs": 5, "new": 1}, "lease_seconds": 9.0, "x": {}}
    files.create(worker_file("w"), json.dumps(values).encode())
    record = read_record(files, worker_file("w"), WorkerRecord)
    assert record == WorkerRecord(ProcessStatus(7, "h", 5), 9.0) and not record.is_local


def test_this_process_is_alive(files):
    with Heartbeat(files, 180.0, HOUR, "a processor") as heartbeat:
        record = record_of(files, heartbeat)
    assert record.is_local and not record.has_ended and record.hardware == "a processor"
    assert record.status == ProcessStatus(os.getpid(), socket.gethostname(), 0)
    assert record.lease_seconds == 180.0


@pytest.mark.parametrize(
    ("change", "ended"),
    [
        ({}, False),
        ({"started": "of a process that had this id before"}, True),
        ({"started": "another", "machine": "another machine"}, False),
        ({"status": ProcessStatus(2**22 + 1, "h", 1)}, True),
    ],
)
def test_a_process_of_this_machine_that_does_not_exist_has_ended(change, ended, files):
    with Heartbeat(files, 180.0, HOUR) as heartbeat:
        assert replace(record_of(files, heartbeat), **change).has_ended is ended


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_the_record_is_removed_at_the_end(error, files):
    ends = pytest.raises(error) if error else nullcontext()
    with ends, Heartbeat(files, 180.0, HOUR):
        assert len(list_queue(files).workers) == 1
        if error:
            raise error
    assert not files.list(QUEUE)


def test_processes_have_different_ids(files):
    with Heartbeat(files, 180.0, HOUR), Heartbeat(files, 180.0, HOUR):
        assert len(list_queue(files).workers) == 2


def test_heartbeats_arrive_at_intervals(files):
    with Heartbeat(files, 180.0, 0.001) as heartbeat:
        wait_until(lambda: record_of(files, heartbeat).heartbeats > 3)


def test_progress_is_published_with_the_next_heartbeat(files):
    with Heartbeat(files, 180.0, HOUR) as heartbeat:
        heartbeat.publish(8, 0, None)  # another number of runs: at once
        first = record_of(files, heartbeat)
        heartbeat.publish(8, 3, 1.5)
        assert record_of(files, heartbeat) == first
        heartbeat.publish(9, 3, 1.5)
        status = record_of(files, heartbeat).status
    assert first.status.runs == 8
    assert (status.runs, status.done, status.seconds_left) == (9, 3, 1.5)


def test_heartbeats_that_cannot_be_written_are_no_error(files, monkeypatch):
    def fails(name, content=b""):
        raise OSError(28, "No space left on device")

    with Heartbeat(files, 180.0, HOUR) as heartbeat:
        with monkeypatch.context() as full:
            full.setattr(files, "replace", fails)
            heartbeat.publish(1, 0, None)
        monkeypatch.setattr(files, "delete", fails)
    assert list_queue(files).workers  # another process removes it


def test_the_first_heartbeat_must_be_written(tmp_path):
    (tmp_path / "queue").write_text("not a folder")
    with pytest.raises(StoreError, match="Cannot write to"), Heartbeat(Folder(tmp_path), 1, 1):
        pass
