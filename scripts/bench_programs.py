"""The compared programs: how each is started, timed and checked to have done the same work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pandas as pd

from bench_grids import Grid

PEERS = Path(__file__).parent / "bench_peers"


class ResultMismatch(Exception):
    """A program did other work than the others, or reached other results."""


@dataclass(frozen=True)
class Measurement:
    """One pass of a program over a grid.

    Attributes:
        seconds: Time from the start of its process to the end.
        training_s: Time within runs, evaluations included: the sum of the runs' own times divided
            by the number of processes.
        runs: Number of runs.
        evaluations: Evaluations of each run.
        train_loss: Mean final training loss of the runs, in nats.
        test_accuracy: Mean final test accuracy of the runs.
    """

    seconds: float
    training_s: float
    runs: int
    evaluations: int
    train_loss: float
    test_accuracy: float

    def extrapolated_to(self, runs: int) -> Measurement:
        """Return the measurement for more runs: only the time within runs grows."""
        training = self.training_s * runs / self.runs
        return replace(self, seconds=self.seconds - self.training_s + training, training_s=training)


def check(name: str, result: Measurement, adamcmp: Measurement, grid: Grid) -> None:
    """Check that a program trained the grid and reached the same means as adamcmp.

    Args:
        name: The program, for the error message.
        result: Its measurement.
        adamcmp: That of adamcmp on the same runs.
        grid: The runs.

    Raises:
        ResultMismatch: If it trained fewer runs, evaluated them less often, or if its mean training
            loss or test accuracy differs by more than the grid's tolerance.
    """
    work = (result.runs, result.evaluations)
    if work != (grid.runs, grid.evaluations):
        raise ResultMismatch(
            f"{name} trained {result.runs} runs with {result.evaluations} evaluations each, "
            f"instead of {grid.runs} with {grid.evaluations}."
        )
    for measure in ("train_loss", "test_accuracy"):
        value, expected = getattr(result, measure), getattr(adamcmp, measure)
        if not abs(value - expected) <= grid.tolerance:  # also true for NaN
            raise ResultMismatch(
                f"{name} reached a mean {measure} of {value:.3f} over the grid, instead of "
                f"{expected:.3f} ± {grid.tolerance:g}."
            )


@dataclass(frozen=True)
class Runner:
    """Starts and times programs.

    Attributes:
        folder: Temporary folder for data, results and caches.
        processes: Number of processes of each program, with one thread each.
    """

    folder: Path
    processes: int

    def timed(self, command: Sequence[str | Path]) -> tuple[float, str]:
        """Run a command; return its time in seconds and its output.

        Raises:
            RuntimeError: If it fails.
        """
        environment = {**os.environ, "ADAMCMP_CACHE": str(self.folder / "cache")}
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            line = " ".join(map(str, command))
            raise RuntimeError(f"{line} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return seconds, done.stdout

    def ours(self, grid: Grid, command: str = "sweep") -> tuple[Measurement, pd.DataFrame]:
        """Train a grid with adamcmp in a new folder; return also the rows of its runs."""
        results = self.folder / "results"
        script = Path(sysconfig.get_path("scripts")) / "adamcmp"
        seconds, _ = self.timed([script, command, "-q", *grid.overrides(), f"results={results}"])
        (study,) = results.iterdir()
        runs, metrics = pd.read_parquet(study / "runs"), pd.read_parquet(study / "metrics")
        shutil.rmtree(results)
        counts = metrics.groupby("run_id").size().unique().tolist()
        if len(counts) != 1:
            raise ResultMismatch(f"adamcmp did not evaluate all runs equally often: {counts}")
        workers = 1 if grid.device == "cuda" else min(self.processes, len(runs))
        training = float(runs["wall_time_s"].sum()) / workers
        return _means(runs, seconds, training, counts[0]), runs

    def peer(
        self, program: str, grid: Grid, *more: str, processes: int | None = None
    ) -> Measurement:
        """Train a grid with a program of `bench_peers`."""
        data = self.data(grid.dataset)
        arguments = grid.arguments(data, processes or self.processes)
        command = [sys.executable, PEERS / f"{program}.py", *arguments, *more]
        seconds, output = self.timed(command)
        return Measurement(seconds, **json.loads(output.splitlines()[-1]))

    def data(self, dataset: str) -> Path:
        """Return the npz file of a dataset, which is written before anything is timed."""
        file = self.folder / f"{dataset}.npz"
        if not file.exists():
            self.timed([sys.executable, PEERS / "prepare_data.py", dataset, file])
        return file

    def peak(self, seconds: float) -> dict[str, Any]:
        """Measure the peak rate of matrix products in all processes, `seconds` for each shape."""
        options = ["--processes", str(self.processes), "--seconds", str(seconds)]
        _, output = self.timed([sys.executable, PEERS / "gemm_peak.py", *options])
        peak: dict[str, Any] = json.loads(output)
        return peak


def _means(runs: pd.DataFrame, seconds: float, training: float, evaluations: int) -> Measurement:
    loss, accuracy = (float(runs[c].mean()) for c in ("train_loss", "test_accuracy"))
    return Measurement(seconds, training, len(runs), evaluations, loss, accuracy)


def same_runs(runs: pd.DataFrame, grid: Grid, like: Measurement) -> Measurement:
    """Return adamcmp's means over its runs that are in `grid`."""
    selected = runs["lr"].isin([*map(float, grid.lrs)]) & runs["wd"].isin([*map(float, grid.wds)])
    return _means(runs[selected & (runs["seed"] < grid.seeds)], 0.0, 0.0, like.evaluations)


Train = Callable[[Runner, Grid], Measurement]


@dataclass(frozen=True)
class Program:
    """A compared program.

    Attributes:
        label: Its name in tables.
        train: Trains a grid.
        requirements: Distributions that must be installed.
        subset: The part of a grid that it trains; the rest is extrapolated.
        caches: Whether it caches compiled code: its first pass is then not counted.
        tables: The tables in which it appears.
    """

    label: str
    train: Train
    requirements: tuple[str, ...] = ()
    subset: Callable[[Grid], Grid] = lambda grid: grid
    caches: bool = False
    tables: tuple[str, ...] = ("mlp",)

    def missing(self) -> list[str]:
        """Return the required distributions that are not installed."""
        return [name for name in self.requirements if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _jax(runner: Runner, grid: Grid) -> Measurement:
    (width, processes), _ = best_of_jax(runner, grid)
    cache = str(runner.folder / "jax")
    more = ("--cache", cache, "--width", str(width))
    return runner.peer("jax_vmap", grid, *more, processes=processes)


@cache
def best_of_jax(runner: Runner, grid: Grid) -> tuple[tuple[int, int], dict[str, float]]:
    """Return JAX's fastest (width, processes), and µs per run-step of all that were tried.

    Each is tried for two evaluation intervals of the grid's runs, without compilation.
    """
    short = replace(grid, steps=min(grid.steps, 2 * grid.every))
    tried = [(w, runner.processes) for w in (4, 8, 16)] + [(w, 1) for w in (8, 16, 64)]
    if grid.device == "cuda":
        tried = [(grid.runs, 1)]
    times = {}
    for width, processes in dict.fromkeys(tried):
        more = ("--cache", str(runner.folder / "jax"), "--width", str(width))
        result = runner.peer("jax_vmap", short, *more, processes=processes)
        times[width, processes] = 1e6 * result.training_s / short.run_steps
    rows = {f"{w} runs × {p} processes": round(us, 1) for (w, p), us in times.items()}
    return min(times, key=times.__getitem__), rows


def _eighth_on_gpu(grid: Grid) -> Grid:
    """Return the subset for programs that launch every operation from Python."""
    return _eighth(grid) if grid.device == "cuda" else grid


def _eighth(grid: Grid) -> Grid:
    """Return an eighth of the grid, whose means are almost those of the whole grid."""
    changes = {"wds": ("1e-2",), "seeds": min(grid.seeds, 2), "tolerance": 2 * grid.tolerance}
    return replace(grid, **changes)


PROGRAMS = {
    "ours": Program(
        "adamcmp",
        lambda runner, grid: runner.ours(grid)[0],
        caches=True,
        tables=("mlp", "cnn", "gpu"),
    ),
    "usual": Program(
        "DataLoader + torch.optim, joblib",
        lambda runner, grid: runner.peer("usual", grid),
        requirements=("joblib",),
        subset=_eighth_on_gpu,
        tables=("mlp", "cnn", "gpu"),
    ),
    "loop": Program(
        "loop by hand, fused AdamW, joblib",
        lambda runner, grid: runner.peer("loop", grid),
        requirements=("joblib",),
        subset=_eighth_on_gpu,
        tables=("mlp", "cnn", "gpu"),
    ),
    "jax": Program(
        "JAX vmap + scan", _jax, requirements=("jax", "joblib"), caches=True, tables=("mlp", "gpu")
    ),
    "lightning": Program(
        "Lightning, Hydra's joblib launcher",
        lambda runner, grid: runner.peer("lightning_sweep", grid),
        requirements=("pytorch-lightning", "hydra-joblib-launcher"),
        subset=_eighth,
    ),
}
