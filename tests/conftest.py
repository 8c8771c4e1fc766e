"""Fixtures: a results folder for each test, planned runs, commands as processes."""

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import adamcmp  # noqa: F401  (sets MKL_CBWR before torch is imported)
from adamcmp.components.trusted_code import ANY_CODE, trusting
from adamcmp.config import Composer, Numerics
from adamcmp.execution import preview, worker_processes
from adamcmp.execution.execute import execute
from adamcmp.execution.executors import Serial
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.specs import RunSpec, run_specs
from adamcmp.platform.provenance import cpp_compiler
from adamcmp.workflows import dry_run
from tests.support import slurm_cluster
from tests.support.processes import Commands
from tests.support.required import require

if TYPE_CHECKING:
    from tests.support.s3_server import FaultyApp

# A busy machine may take any time to generate an example or to check it.
settings.register_profile("adamcmp", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("adamcmp")

CPU = Numerics(device="cpu", dtype="float32", threads=1, engine="eager")

needs_compiler = pytest.mark.compiler


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Require what the marks of a test name."""
    if item.get_closest_marker("compiler"):
        require(cpp_compiler() is not None, "There is no C++ compiler on the PATH.")


def pytest_collection_finish() -> None:
    """Keep what is imported and collected out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run each test in a new folder and write its results there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADAMCMP_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in the process of the test by default: each worker process would import torch again."""
    for module in (preview, worker_processes):
        monkeypatch.setattr(module, "process_count", lambda execution, _: execution.workers or 0)


@pytest.fixture
def checks_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the runs of a plan in the process of the test."""
    monkeypatch.setattr(dry_run, "Pool", lambda workers, threads, on_start: Serial())


@pytest.fixture(autouse=True)
def unflushed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk: no test cuts the power."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.fixture
def any_code() -> Iterator[None]:
    """Settings that the test does not set by overrides may name code."""
    with trusting(ANY_CODE):
        yield


@pytest.fixture(scope="session")
def slurm_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a running Slurm cluster, which all processes of the tests share."""
    require(not slurm_cluster.missing_programs(), slurm_cluster.missing_programs())
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "slurm"
    slurm_cluster.join(folder)
    yield folder
    slurm_cluster.leave(folder)


@pytest.fixture
def slurm(slurm_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands of Slurm in this test use a running cluster; returns its folder."""
    for name, value in slurm_cluster.environment(slurm_folder).items():
        monkeypatch.setenv(name, value)
    return slurm_folder


@pytest.fixture
def fake_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands of this test use `tests/support/fake_ray`; returns the folder of its events."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "support" / "fake_ray")
    folder = tmp_path / "fake_ray"
    folder.mkdir()
    monkeypatch.setenv("FAKE_RAY", str(folder))
    return folder


@pytest.fixture(scope="session")
def s3_server() -> Iterator[tuple[str, "FaultyApp"]]:
    """A local S3 server: its address, and its application."""
    from tests.support import s3_server

    with s3_server.s3_server() as started:
        yield started


@pytest.fixture
def s3(
    s3_server: tuple[str, "FaultyApp"], monkeypatch: pytest.MonkeyPatch
) -> Iterator["FaultyApp"]:
    """The application of a local S3 server, which has an empty bucket."""
    from tests.support.s3_server import use_server

    with use_server(*s3_server, monkeypatch) as app:
        yield app


@pytest.fixture(scope="session")
def composer() -> Composer:
    return Composer()


@pytest.fixture
def specs(composer: Composer) -> Callable[[Sequence[str]], list[RunSpec]]:
    """Return the planned runs of a sweep's overrides, on one CPU thread."""

    def planned(overrides: Sequence[str], numerics: Numerics = CPU) -> list[RunSpec]:
        return list(run_specs(composer.sweep(overrides), numerics))

    return planned


@pytest.fixture(scope="module")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    return Commands(tmp_path_factory.mktemp("commands") / "log")


@pytest.fixture(scope="session")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study of `tracked.OVERRIDES`: a run that is done, one that crashed, two that diverged."""
    from tests.support import tracked
    from tests.support.training import crashing

    root = tmp_path_factory.mktemp("finished")
    config = Composer().sweep([*tracked.OVERRIDES, f"results={root}", "workers=0"])
    with crashing(lambda run: (run.optimizer.lr, run.protocol.seed) == (0.01, 1)):
        execute(config)
    return root / "s"


@pytest.fixture
def tracked_study(finished_study: Path, results: Path) -> Path:
    """A copy of `finished_study` that the test's commands continue."""
    return shutil.copytree(finished_study, results / "s")


@pytest.fixture
def two_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw two plots only, as SVG only: for tests that are not about plots."""
    from adamcmp.plots import PLOTS
    from adamcmp.reporting import rendering

    some = {name: PLOTS[name] for name in ("learning_curves", "loss_vs_error")}
    monkeypatch.setattr(rendering, "PLOTS", some)
    monkeypatch.setattr(rendering, "FORMATS", ("svg",))


@pytest.fixture
def vector_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw their plots as SVG only: for tests of what is drawn, not of files."""
    monkeypatch.setattr("adamcmp.reporting.rendering.FORMATS", ("svg",))


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports draw no plots, which take most of their time."""
    monkeypatch.setattr("adamcmp.reporting.rendering.PLOTS", {})


@pytest.fixture
def few_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have only the statistics that they show first; the others take seconds."""
    from adamcmp import analysis

    monkeypatch.setattr(analysis, "MEASURES", analysis.MEASURES[:3])


@pytest.fixture
def quick_reports(no_plots: None, few_statistics: None) -> None:
    """For tests of commands, and of what surrounds plots and statistics on the page."""


@pytest.fixture
def fused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are trained in groups of eight lanes without a compiler."""
    monkeypatch.setattr(RunSpec, "fuses", True)
    monkeypatch.setattr(CostModel, "width", lambda self, specs: 8)
