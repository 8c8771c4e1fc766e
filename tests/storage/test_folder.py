"""What only files on disk have: hard links, temporary files, folders that are moved."""

import os
import time
from pathlib import Path

import pytest

from adamcmp.errors import StoreError
from adamcmp.storage.folder import Folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "runs").mkdir()
    return Folder(tmp_path)


def test_create_on_a_file_system_without_hard_links(folder, monkeypatch):
    def refuse(self, target):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    folder.create("runs/a", b"1")
    with pytest.raises(FileExistsError):
        folder.create("runs/a", b"2")
    assert folder.read("runs/a") == b"1"


def test_a_write_leaves_no_temporary_file(folder):
    folder.create("runs/a", b"1")
    folder.replace("runs/a", b"2")
    assert [file.name for file in (folder.path / "runs").iterdir()] == ["a"]


def test_remains_of_killed_processes_are_removed_by_prefix_and_age(folder):
    runs = folder.path / "runs"
    for name in ("a-1", "a-2", "b-1"):
        (runs / f".tmp-{name}").write_bytes(b"")
    os.utime(runs / ".tmp-a-2", ns=(2**62, 2**62))
    assert folder.list("runs/") == {}
    folder.remove_partial_writes("runs/a", time.time_ns())
    assert sorted(path.name for path in runs.iterdir()) == [".tmp-a-2", ".tmp-b-1"]
    folder.remove_partial_writes("runs/", time.time_ns())
    assert [path.name for path in runs.iterdir()] == [".tmp-a-2"]


def test_a_write_creates_no_study_that_was_moved(folder, tmp_path):
    moved = Folder(tmp_path / "moved")
    for write in (moved.create, moved.replace):
        with pytest.raises(FileNotFoundError):
            write("runs/a", b"1")
    assert not moved.path.exists()


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "s").write_text("")
    assert Folder(tmp_path / "s").list("") == {} and Folder(tmp_path / "s").folders() == []


def test_a_folder_without_the_right_to_read_it_is_named(folder, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    for name, read in {"runs": folder.list, "runs/a": folder.read}.items():
        with pytest.raises(StoreError, match=f"Cannot read .*{name}: this user has no right"):
            read(name)
