"""What tests share: a results folder of their own, and runs built from words."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import adamcmp  # noqa: F401  (sets MKL_CBWR before torch is imported)
from adamcmp import study
from adamcmp.config import Composer, Numerics
from adamcmp.plan import RunSpec, plan
from adamcmp.provenance import cpp_compiler

CPU = Numerics(device="cpu", dtype="float32", threads=1, engine="eager")

needs_compiler = pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler on the PATH")


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in a folder of its own and writes its results there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADAMCMP_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps train in the test's own process unless it asks for workers: no imports anew."""
    monkeypatch.setattr(study, "_workers", lambda config: config.execution.workers or 0)


@pytest.fixture(scope="session")
def composer() -> Composer:
    return Composer()


@pytest.fixture
def specs(composer: Composer) -> Callable[[Sequence[str]], list[RunSpec]]:
    """Return the planned runs of a sweep's words, on one CPU thread."""

    def planned(words: Sequence[str], numerics: Numerics = CPU) -> list[RunSpec]:
        return list(plan(composer.sweep(words), numerics))

    return planned
