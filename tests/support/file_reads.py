"""Counts what is read from studies."""

import pytest

from adamcmp.storage.files import Files


def recorded_reads(monkeypatch: pytest.MonkeyPatch, implementation: type[Files]) -> list[str]:
    """Return a list of the names of the files that an implementation reads from now on."""
    names = []
    read = implementation.read

    def recorded(files: Files, name: str) -> bytes:
        names.append(name)
        return read(files, name)

    monkeypatch.setattr(implementation, "read", recorded)
    return names
