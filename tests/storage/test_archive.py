"""Archives: arrays and JSON values are read as they were written, or not at all."""

import numpy as np
import pytest

from adamcmp.errors import StoreError
from adamcmp.storage import archive

ARRAYS = {
    "matrix": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(np.nan),
    "empty": np.zeros((0, 4), dtype=np.int64),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.npz"
    archive.write(path, {"runs": ["a"], "elapsed": 0.1}, ARRAYS)
    return path


def test_arrays_and_metadata_are_read_as_they_were_written(path):
    metadata, arrays = archive.read(path)
    assert metadata == {"runs": ["a"], "elapsed": 0.1, archive.FORMAT: archive.FORMAT_VERSION}
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_flipped_bit_is_found(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    with pytest.raises(StoreError, match="somewhere is damaged"):
        archive.decode(bytes(content), "somewhere")


def test_an_empty_file_is_damaged(path):
    path.write_bytes(b"")
    with pytest.raises(StoreError, match=f"{path} is damaged"):
        archive.read(path)


def test_another_version_is_refused(path, monkeypatch):
    monkeypatch.setattr(archive, "FORMAT_VERSION", 99)
    with pytest.raises(StoreError, match="written by another version"):
        archive.read(path)


def test_objects_are_not_unpickled(tmp_path):
    """`write` would pickle them; `read` refuses."""
    archive.write(tmp_path / "a.npz", {}, {"object": np.array([{}], dtype=object)})
    _, arrays = archive.read(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="allow_pickle=False"):
        arrays["object"]


def test_the_folder_is_created_but_not_that_of_a_study_that_was_moved(tmp_path):
    archive.write(tmp_path / "checkpoints" / "a.npz", {}, {})
    with pytest.raises(StoreError, match="Cannot write to"):
        archive.write(tmp_path / "moved" / "checkpoints" / "a.npz", {}, {})
    assert not (tmp_path / "moved").exists()
