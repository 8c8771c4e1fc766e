"""Reservations: a run is reserved by one process, until that process ends."""

import json
import os
import socket

import pytest

from adamcmp.errors import StoreError
from adamcmp.execution.reservations import FOLDER, ProcessStatus, process_statuses, reserve


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    return folder


def files(study):
    return sorted(path.name for path in (study / FOLDER).iterdir())


def test_runs_are_reserved_once(study):
    with reserve(study, ["a", "b"]) as first:
        assert first.run_ids == {"a", "b"} and not first.reserved_by_others and first.only_process
        with reserve(study, ["b", "c"]) as second:
            assert second.run_ids == {"c"} and not second.only_process
            assert {run: status.pid for run, status in second.reserved_by_others.items()} == {
                "b": os.getpid()
            }
        with reserve(study, ["c"]) as third:
            assert third.run_ids == {"c"}
    assert files(study) == [".lock"]


def test_the_progress_is_read_by_other_processes(study):
    assert process_statuses(study) == []
    with reserve(study, ["a", "b"]) as reservation:
        here = ProcessStatus(os.getpid(), socket.gethostname(), 2)
        assert process_statuses(study) == [here]
        reservation.publish(2, 1, 3.5)
        (status,) = process_statuses(study)
        assert (status.runs, status.done, status.seconds_left) == (2, 1, 3.5)
    assert process_statuses(study) == []


def test_an_error_releases_the_runs(study):
    with pytest.raises(ValueError, match="in training"), reserve(study, ["a"]):
        raise ValueError("in training")
    assert files(study) == [".lock"]


def test_the_files_of_a_dead_process_are_removed(study):
    """Its lock is free; the files may be incomplete."""
    folder = study / FOLDER
    folder.mkdir()
    for name, text in (("1-dead.runs", json.dumps(["a"])), ("1-dead.lock", ""), ("2-dead.json", "{}")):  # fmt: skip
        (folder / name).write_text(text)
    with reserve(study, ["a"]) as reservation:
        assert reservation.run_ids == {"a"} and reservation.only_process
        assert not [name for name in files(study) if "dead" in name]


def test_a_folder_that_was_moved_is_reported(study, tmp_path):
    with reserve(study, ["a"]) as reservation:
        study.rename(tmp_path / "moved")
        with pytest.raises(StoreError, match="Was it moved"):
            reservation.publish(1, 0, None)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError), reserve(tmp_path / "file", ["a"]):
        pass
