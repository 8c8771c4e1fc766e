"""Files are written completely or not at all."""

import os
from pathlib import Path

import pytest

from adamcmp.errors import StoreError
from adamcmp.platform.files import (
    create_atomically,
    expand_user,
    storage_errors,
    temporary_files,
    write_atomically,
)


def disk_full(*_):
    raise OSError(28, "No space left on device")


def test_a_tilde_is_the_home_folder_or_part_of_a_name(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert expand_user("~/data.csv") == Path("/home/me/data.csv")
    assert expand_user("~data.csv") == Path("~data.csv")


@pytest.mark.parametrize("write", [write_atomically, create_atomically])
def test_a_failed_write_leaves_nothing(write, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "new", b"x")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    monkeypatch.setattr(Path, "replace", disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("hard_links", [True, False])
def test_creating_replaces_no_file(hard_links, tmp_path, monkeypatch):
    def unsupported(path, target):
        raise PermissionError(1, "Operation not permitted")

    if not hard_links:
        monkeypatch.setattr(Path, "hardlink_to", unsupported)
    path = tmp_path / "file"
    create_atomically(path, b"first")
    with pytest.raises(FileExistsError):
        create_atomically(path, b"second")
    assert path.read_bytes() == b"first" and list(tmp_path.iterdir()) == [path]


def test_a_link_whose_success_was_reported_as_an_error(tmp_path, monkeypatch):
    link = Path.hardlink_to

    def repeated(path, target):
        link(path, target)
        link(path, target)

    monkeypatch.setattr(Path, "hardlink_to", repeated)
    create_atomically(tmp_path / "file", b"first")
    with pytest.raises(FileExistsError):
        create_atomically(tmp_path / "file", b"first")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"first"]


def test_temporary_files_of_other_files_are_not_listed(tmp_path):
    path = tmp_path / "a[1].json"
    names = (".tmp-a[1].json-77", ".tmp-a1.json-77", ".tmp-b.json-77", "a[1].json")
    for name in names:
        (tmp_path / name).touch()
    assert [file.name for file in temporary_files(tmp_path, path.name)] == [names[0]]


@pytest.mark.parametrize("remedy", ["", "Delete files."])
def test_errors_name_the_folder(tmp_path, remedy):
    message = f"Cannot write to {tmp_path}: No space left on device. {remedy}".strip()
    with pytest.raises(StoreError) as error, storage_errors(tmp_path, remedy):
        disk_full()
    assert str(error.value) == message
