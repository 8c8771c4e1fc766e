"""The disk operations of a study."""

from pathlib import Path

import pytest

from adamcmp.storage.folder import Folder


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "runs").mkdir()
    return Folder(tmp_path)


def test_create_never_overwrites(folder):
    folder.create("runs/a", b"1")
    with pytest.raises(FileExistsError):
        folder.create("runs/a", b"2")
    assert folder.read("runs/a") == b"1"
    assert [file.name for file in (folder.path / "runs").iterdir()] == ["a"]


def test_create_on_a_file_system_without_hard_links(folder, monkeypatch):
    def refuse(self, target):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    test_create_never_overwrites(folder)


def test_list_tells_versions_apart(folder):
    folder.create("runs/a", b"1")
    (folder.path / "runs" / ".tmp-b").write_text("")
    (before,) = folder.list("runs/").items()
    folder.replace("runs/a", b"22")
    (after,) = folder.list("runs/").items()
    assert before[0] == after[0] == "runs/a" and before[1] != after[1]
    assert folder.list("metrics/") == {}


def test_delete_is_idempotent(folder):
    folder.create("runs/a", b"1")
    folder.delete("runs/a")
    folder.delete("runs/a")
    with pytest.raises(FileNotFoundError):
        folder.read("runs/a")
