"""The contract of a study's files, which both implementations fulfil."""

import itertools
import time

import pytest
from hypothesis import HealthCheck, given, settings

from adamcmp.storage.folder import Folder
from adamcmp.storage.object_store import ObjectStore
from tests.support.file_operations import (
    OPERATIONS,
    check_listings,
    expected_outcome,
    outcome,
)
from tests.support.memory_files import MemoryFiles


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
    assert set(created.folders()) == {"runs", "metrics"} and created.exists()


def test_files_that_do_not_exist(files):
    assert files.list("") == {} and files.folders() == [] and not files.exists()
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
    assert created.location("runs/a") == str(created.address / "runs" / "a")


@pytest.fixture(params=[Folder, MemoryFiles, ObjectStore])
def new_files(request, results):
    """A function that returns the files of a new study."""
    numbers = itertools.count()
    if request.param is not ObjectStore:
        return lambda: request.param(results / f"s{next(numbers)}")
    bucket = request.getfixturevalue("bucket_files")
    return lambda: ObjectStore(bucket.address.parent / f"s{next(numbers)}", bucket._bucket)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS)
def test_any_sequence_of_operations_does_what_a_dictionary_does(new_files, operations):
    files, contents = new_files(), {}
    with files.lock(1.0):
        for operation in operations:
            assert outcome(files, *operation) == expected_outcome(contents, *operation)
    check_listings(files, contents)
