"""Which implementation of `Files` a location has."""

from adamcmp.platform.addresses import ObjectUrl
from adamcmp.storage import locations
from adamcmp.storage.folder import Folder
from adamcmp.storage.locations import files_at
from tests.support.memory_files import MemoryFiles


def test_the_files_at_a_location(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(locations, "object_store", lambda url: opened.append(url) or "a store")
    files = MemoryFiles(tmp_path)
    assert files_at(files) is files
    assert files_at(tmp_path) == Folder(tmp_path)
    url = ObjectUrl("s3", "bucket", ("folder",))
    assert files_at(url) == "a store" and opened == [url]
