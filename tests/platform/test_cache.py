"""The cache folder, and arrays that are computed once."""

import os

import numpy as np
import pytest

from adamcmp.platform.cache import cache_folder, cached_arrays


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of an empty cache."""
    monkeypatch.setenv("ADAMCMP_CACHE", str(tmp_path / "cache"))
    cache_folder.cache_clear()
    yield tmp_path / "cache"
    cache_folder.cache_clear()


def test_default_folders(folder, tmp_path, monkeypatch):
    assert cache_folder() == folder and folder.is_dir()
    monkeypatch.delenv("ADAMCMP_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable, expected in (("", tmp_path / "home" / ".cache"), (str(tmp_path), tmp_path)):
        monkeypatch.setenv("XDG_CACHE_HOME", variable)
        cache_folder.cache_clear()
        assert cache_folder() == expected / "adamcmp"


def test_a_folder_that_cannot_be_written(folder, capsys):
    """Processes that this one starts use the same temporary folder."""
    folder.write_text("a file is in the way")
    temporary = cache_folder()
    assert temporary.is_dir() and os.environ["ADAMCMP_CACHE"] == str(temporary)
    assert "Set ADAMCMP_CACHE to a writable folder" in capsys.readouterr().err
    assert cache_folder() == temporary and not capsys.readouterr().err


class Maker:
    """Makes arrays and counts how often."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"x": np.arange(5.0), "y": np.array([[1, 2]])}


def assert_expected(arrays):
    assert sorted(arrays) == ["x", "y"]
    assert np.array_equal(arrays["x"], np.arange(5.0)) and arrays["y"].tolist() == [[1, 2]]


def test_arrays_are_computed_once(folder):
    make = Maker()
    for _ in range(2):
        assert_expected(cached_arrays("numbers", make))
    assert make.calls == 1
    assert_expected(cached_arrays("others", make))
    assert make.calls == 2


def test_a_damaged_file_is_computed_again(folder):
    make = Maker()
    cached_arrays("numbers", make)
    file = folder / "data" / "numbers.npz"
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(np.arange(5.0).tobytes())] ^= 1
    for number, content in enumerate((whole[:-40], bytes(flipped), b"", b"no zip archive"), 2):
        file.write_bytes(content)
        assert_expected(cached_arrays("numbers", make))
        assert make.calls == number and file.read_bytes() == whole


def test_without_a_file_arrays_are_computed_each_time(folder):
    folder.mkdir()
    (folder / "data").write_text("a file is in the way")
    make = Maker()
    for _ in range(2):
        assert_expected(cached_arrays("numbers", make))
    assert make.calls == 2
