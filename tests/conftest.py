"""What tests share: a results folder of their own, and runs built from words."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import adamcmp  # noqa: F401  (sets MKL_CBWR before torch is imported)
from adamcmp.config import Composer, Numerics
from adamcmp.plan import RunSpec, plan

CPU = Numerics(device="cpu", dtype="float32", threads=1)


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in a folder of its own and writes its results there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADAMCMP_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(scope="session")
def composer() -> Composer:
    return Composer()


@pytest.fixture
def specs(composer: Composer) -> Callable[[Sequence[str]], list[RunSpec]]:
    """Return the planned runs of a sweep's words, on one CPU thread."""

    def planned(words: Sequence[str], numerics: Numerics = CPU) -> list[RunSpec]:
        return list(plan(composer.sweep(words), numerics))

    return planned
