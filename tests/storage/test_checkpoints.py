"""The checkpoints of a study: which ones exist, and their removal."""

import logging

import numpy as np
import pytest

from adamcmp.storage import archive
from adamcmp.storage.checkpoints import CHECKPOINT_FOLDER, Checkpoints
from adamcmp.storage.folder import Folder
from tests.support.file_reads import recorded_reads
from tests.support.memory_files import MemoryFiles


@pytest.fixture(params=[Folder, MemoryFiles])
def files(request, results):
    return request.param(results / "s")


@pytest.fixture
def checkpoints(store):
    return store.checkpoints


@pytest.fixture
def write_checkpoint(files, checkpoints, tmp_path):
    """Return a function that stores the checkpoint of a group as a worker would write it."""

    def write(run_ids, steps):
        path = checkpoints.path(run_ids)
        archive.write(
            tmp_path / "written", {"runs": run_ids, "steps_taken": steps}, {"x": np.ones(2)}
        )
        files.replace(CHECKPOINT_FOLDER + path.name, (tmp_path / "written").read_bytes())
        return path

    return write


def test_the_checkpoint_with_the_most_steps_is_first(checkpoints, write_checkpoint):
    paths = {steps: write_checkpoint([f"run{steps}", "x"], steps) for steps in (5, 20, 10)}
    assert list(checkpoints.existing().items()) == [
        (paths[steps], {f"run{steps}", "x"}) for steps in (20, 10, 5)
    ]


def test_each_checkpoint_is_read_once_per_process(files, write_checkpoint, monkeypatch):
    path = write_checkpoint(["a"], 1)
    reads = recorded_reads(monkeypatch, type(files))
    for _ in range(2):
        assert list(Checkpoints(files).existing()) == [path]
        Checkpoints(files).remove_finished([])
    assert reads == [CHECKPOINT_FOLDER + path.name]


def test_a_new_study_has_none(files):
    assert Checkpoints(files).existing() == {}


def test_the_path_depends_on_the_set_of_runs(checkpoints):
    assert checkpoints.path(["a", "b"]) == checkpoints.path(["b", "a"]) != checkpoints.path(["a"])


def test_damaged_checkpoints_are_removed_with_a_warning(
    files, checkpoints, write_checkpoint, caplog
):
    path, intact = write_checkpoint(["a"], 1), write_checkpoint(["b"], 1)
    files.replace(CHECKPOINT_FOLDER + path.name, b"damaged")
    with caplog.at_level(logging.WARNING):
        assert list(checkpoints.existing()) == [intact]
    assert f"{path} is damaged" in caplog.text and "start from the beginning" in caplog.text
    assert list(files.list(CHECKPOINT_FOLDER)) == [CHECKPOINT_FOLDER + intact.name]


def test_other_files_in_the_folder_are_not_removed(files, checkpoints):
    files.create(CHECKPOINT_FOLDER + "notes.txt", b"")
    assert checkpoints.existing() == {} and files.list(CHECKPOINT_FOLDER)


def test_a_checkpoint_that_is_removed_while_it_is_read(
    files, checkpoints, write_checkpoint, monkeypatch
):
    write_checkpoint(["a"], 1)
    read = type(files).read

    def removed(self, name):
        self.delete(name)
        return read(self, name)

    monkeypatch.setattr(type(files), "read", removed)
    assert checkpoints.existing() == {}


def test_only_checkpoints_whose_runs_have_all_ended_are_removed(checkpoints, write_checkpoint):
    write_checkpoint(["a"], 1)
    unfinished = write_checkpoint(["a", "b"], 1)
    checkpoints.remove_finished(["a", "c"])
    assert list(checkpoints.existing()) == [unfinished]


def test_the_checkpoint_of_a_group_is_removed(checkpoints, write_checkpoint):
    write_checkpoint(["a", "b"], 1)
    checkpoints.remove(["b", "a"])
    checkpoints.remove(["b", "a"])
    assert checkpoints.existing() == {}


@pytest.mark.parametrize("remove", [Checkpoints.remove, Checkpoints.remove_partial_writes])
def test_the_partial_write_of_a_dead_worker_is_removed(remove, results):
    checkpoints = Checkpoints(Folder(results / "s"))
    path = checkpoints.path(["a"])
    path.parent.mkdir(parents=True)
    partial = path.with_name(f".tmp-{path.name}-1")
    partial.write_bytes(b"")
    remove(checkpoints, ["a"])
    assert not partial.exists()
