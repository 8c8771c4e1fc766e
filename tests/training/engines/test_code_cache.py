"""Traced and compiled code on disk."""

import os

import torch

from adamcmp.training.engines.code_cache import cached_file, code_key


def test_a_damaged_file_is_written_again(tmp_path):
    written = []

    def write(file):
        written.append(file)
        file.write_text("the code")

    def read():
        return cached_file(tmp_path, "key", ".text", write).read_text()

    assert read() == read() == "the code" and len(written) == 1
    (stored,) = tmp_path.glob("*.text")
    stored.write_text("the co")
    assert read() == "the code" and len(written) == 2
    assert [path.name for path in tmp_path.glob("*.text")] == [stored.name]


def test_code_of_another_user_is_not_loaded(tmp_path, monkeypatch):
    written = []

    def write(file):
        written.append(file)
        file.write_text("the code")

    def stored():
        return cached_file(tmp_path / "code", "key", ".py", write)

    assert stored() == stored() and len(written) == 1
    assert (tmp_path / "code").stat().st_mode & 0o077 == 0
    if os.geteuid() == 0:
        os.chown(stored(), 12345, 12345)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert stored().read_text() == "the code" and len(written) == 2


def test_the_key_depends_on_fixed_sizes_and_not_on_symbolic_ones():
    def key(*shape, identity="step", engine="traced"):
        return code_key([torch.empty(shape)], [{0: "M"}], [identity], engine)

    assert key(2, 3) == key(5, 3)
    others = {key(2, 4), key(2, 3, identity="measure"), key(2, 3, engine="compiled")}
    assert len(others | {key(2, 3)}) == 4
