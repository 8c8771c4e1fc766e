"""Checkpoints of a study that is not on disk: what is transferred, and when."""

import logging
import time

import numpy as np
import pytest

from adamcmp.errors import StoreError
from adamcmp.storage import archive, bucket_checkpoints
from adamcmp.storage.bucket_checkpoints import BucketCheckpoints
from adamcmp.storage.checkpoints import CHECKPOINT_FOLDER
from tests.support.file_reads import recorded_reads
from tests.support.memory_files import MemoryFiles


class ElsewhereFiles(MemoryFiles):
    on_disk = False


@pytest.fixture
def files(results):
    return ElsewhereFiles(results / "s")


@pytest.fixture
def here(files):
    """The checkpoints of the study, as one machine sees them."""
    return BucketCheckpoints(files)


@pytest.fixture
def there(files):
    """The checkpoints of the study, as another machine sees them."""
    return BucketCheckpoints(files)


def write(checkpoints, run_ids, steps):
    """Write the checkpoint of a group, as a worker does."""
    metadata = {"runs": run_ids, "steps_taken": steps}
    archive.write(checkpoints.path(run_ids), metadata, {"x": np.full(2, steps)})


def steps_at(path):
    return archive.read(path)[0]["steps_taken"]


def test_another_machine_continues_from_a_checkpoint(here, there):
    with here.transferring():
        write(here, ["a", "b"], 7)
    assert there.existing() == {there.path(["b", "a"]): frozenset("ab")}
    assert there.path(["a", "b"]) != here.path(["a", "b"])
    there.fetch(["b", "a"])
    assert steps_at(there.path(["a", "b"])) == 7
    with there.transferring():
        write(there, ["a", "b"], 9)
    assert steps_at(here.path(["a", "b"])) == 7


def test_the_checkpoint_with_the_most_steps_is_first(here, there):
    with here.transferring():
        for steps in (5, 20, 10):
            write(here, [f"run{steps}"], steps)
    assert list(there.existing().values()) == [{f"run{steps}"} for steps in (20, 10, 5)]


def test_checkpoints_are_uploaded_while_runs_are_trained(here, there, monkeypatch):
    monkeypatch.setattr(bucket_checkpoints, "UPLOAD_EVERY", 0.01)
    with here.transferring():
        write(here, ["a"], 1)
        deadline = time.monotonic() + 10
        while not there.existing() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert there.existing()


@pytest.mark.parametrize("record", [b"", b"{", b"[]", b'{"runs": ["a"]}', b'{"steps_taken": "x"}'])
def test_a_damaged_record_of_a_checkpoint_is_removed(record, files, here, there, caplog):
    with here.transferring():
        write(here, ["a"], 1)
        write(here, ["b"], 2)
    name = next(name for name in files.list(CHECKPOINT_FOLDER) if name.endswith(".json"))
    files.replace(name, record)
    with caplog.at_level(logging.WARNING):
        assert len(there.existing()) == 1
    assert f"{name} is damaged. Its runs start from the beginning" in caplog.text
    assert len(files.list(CHECKPOINT_FOLDER)) == 2


def test_only_changed_checkpoints_are_uploaded(files, here, there, monkeypatch):
    with here.transferring():
        write(here, ["a"], 1)
    there.existing()
    there.fetch(["a"])
    version = files.list(CHECKPOINT_FOLDER)
    with there.transferring(), here.transferring():
        pass
    assert files.list(CHECKPOINT_FOLDER) == version


def test_content_is_read_for_the_trained_group_only(files, here, there, monkeypatch):
    with here.transferring():
        write(here, ["a"], 1)
        write(here, ["b"], 1)
    reads = recorded_reads(monkeypatch, ElsewhereFiles)
    there.existing()
    there.fetch(["a"])
    there.fetch(["c"])
    assert [name for name in reads if name.endswith(".npz")] == [
        CHECKPOINT_FOLDER + here.path(["a"]).name
    ]


def test_checkpoints_of_ended_groups_are_removed(files, here, there):
    with here.transferring():
        write(here, ["a"], 1)
        write(here, ["b"], 1)
        here.remove(["a"])
    assert list(there.existing().values()) == [{"b"}]
    there.remove_finished(["b"])
    assert files.list(CHECKPOINT_FOLDER) == {} and there.existing() == {}


def test_a_checkpoint_without_its_facts_is_ignored(files, here):
    files.create(f"{CHECKPOINT_FOLDER}0123456789abcdef.npz", b"cut by a kill")
    assert here.existing() == {}


def test_training_goes_on_if_a_checkpoint_cannot_be_stored(files, here, monkeypatch, caplog):
    def fail(*_):
        raise StoreError("s3://b/s: access is denied.")

    monkeypatch.setattr(files, "replace", fail)
    with caplog.at_level(logging.WARNING), here.transferring():
        write(here, ["a"], 1)
    assert "was not stored: s3://b/s: access is denied." in caplog.text
