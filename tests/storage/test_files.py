"""The contract of a study's files, which both implementations fulfil."""

import time

import pytest


@pytest.fixture
def created(files):
    """Files of an existing study, which has the file ``runs/a``."""
    with files.lock(1.0):
        pass
    files.create("runs/a", b"1")
    return files


def test_create_never_overwrites(created):
    with pytest.raises(FileExistsError):
        created.create("runs/a", b"2")
    assert created.read("runs/a") == b"1"
    assert list(created.list("runs/")) == ["runs/a"]


def test_a_replaced_file_has_another_version(created):
    before = created.list("runs/")["runs/a"]
    created.replace("runs/a", b"22")
    after = created.list("runs/")["runs/a"]
    assert before != after and after.size == 2
    assert before.modified_ns <= after.modified_ns <= time.time_ns()


def test_a_listing_has_the_files_of_one_folder(created):
    created.replace("study.yaml", b"")
    created.create("metrics/a", b"")
    assert set(created.list("")) == {"study.yaml"}
    assert set(created.list("metrics/")) == {"metrics/a"}
    assert created.list("checkpoints/") == {}
    assert set(created.folders()) == {"runs", "metrics"}


def test_files_that_do_not_exist(files):
    assert files.list("") == {} and files.folders() == []
    with pytest.raises(FileNotFoundError):
        files.read("study.yaml")


def test_delete_is_idempotent(created):
    created.delete("runs/a")
    created.delete("runs/a")
    with pytest.raises(FileNotFoundError):
        created.read("runs/a")


def test_one_process_at_a_time_holds_the_lock(created):
    with created.lock(0.0), pytest.raises(TimeoutError):
        created.lock(0.0).__enter__()
    with created.lock(0.0):
        pass


def test_partial_writes_are_no_files(created):
    created.remove_partial_writes("", time.time_ns())
    created.remove_partial_writes("runs/", time.time_ns())
    assert created.read("runs/a") == b"1"


def test_a_location_names_the_file(created):
    assert created.location("runs/a") == str(created.path / "runs" / "a")
