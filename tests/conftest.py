"""What tests share: a results folder of their own, and runs built from words."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import adamcmp  # noqa: F401  (sets MKL_CBWR before torch is imported)
from adamcmp.config import Composer, Numerics
from adamcmp.execution import execute, workers
from adamcmp.planning.specs import RunSpec, run_specs
from adamcmp.platform.provenance import cpp_compiler

CPU = Numerics(device="cpu", dtype="float32", threads=1, engine="eager")

needs_compiler = pytest.mark.skipif(cpp_compiler() is None, reason="no C++ compiler on the PATH")


class Forks:
    """Commands in forks of one process (see `tests.support.forked_commands`)."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked_commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def start(self, *words: str, kill_at: int = 0) -> int:
        return self._ask("start", words, str(self.log), kill_at)

    def wait(self, pid: int) -> int:
        return self._ask("wait", pid)

    def run(self, *words: str, kill_at: int = 0) -> int:
        return self.wait(self.start(*words, kill_at=kill_at))

    def _ask(self, *question: object) -> int:
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test works in a folder of its own and writes its results there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADAMCMP_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sweeps train in the test's own process unless it asks for workers: no imports anew."""
    for module in (execute, workers):
        monkeypatch.setattr(module, "worker_count", lambda execution, _: execution.workers or 0)


@pytest.fixture(scope="session")
def composer() -> Composer:
    return Composer()


@pytest.fixture
def specs(composer: Composer) -> Callable[[Sequence[str]], list[RunSpec]]:
    """Return the planned runs of a sweep's words, on one CPU thread."""

    def planned(words: Sequence[str], numerics: Numerics = CPU) -> list[RunSpec]:
        return list(run_specs(composer.sweep(words), numerics))

    return planned


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.process.stdin.close()
    assert forks.process.wait() == 0
    forks.process.stdout.close()


@pytest.fixture
def two_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw what is quick: for tests that are not about plots."""
    from adamcmp.plots import PLOTS
    from adamcmp.reporting import rendering

    some = {name: PLOTS[name] for name in ("learning_curves", "loss_vs_error")}
    monkeypatch.setattr(rendering, "PLOTS", some)
