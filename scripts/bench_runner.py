"""Starts and times the compared programs, and checks that they have done the same work."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench_grids import Grid

PEERS = Path(__file__).parent / "bench_peers"
ADAMCMP = Path(sysconfig.get_path("scripts")) / "adamcmp"


class ResultMismatch(Exception):
    """A program did other work than the others, or reached other results."""


@dataclass(frozen=True)
class Measurement:
    """One pass of a program over a grid.

    Attributes:
        seconds: Time from the start of its process to the end.
        cpu_seconds: Processor time of all its processes, which other load on the machine changes
            less.
        training_s: Time within runs, evaluations included: the sum of the runs' own times divided
            by the number of processes.
        runs: Number of runs.
        evaluations: Evaluations of each run.
        train_loss: Mean final training loss of the runs, in nats.
        test_accuracy: Mean final test accuracy of the runs.
        engine: The engine that adamcmp selected; empty for other programs.
    """

    seconds: float
    cpu_seconds: float
    training_s: float
    runs: int
    evaluations: int
    train_loss: float
    test_accuracy: float
    engine: str = ""

    def extrapolated_to(self, runs: int) -> Measurement:
        """Return the measurement for more runs: only the time within runs grows.

        The processor time remains that of the runs which were trained.
        """
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
class Timed:
    """A command that has ended: its wall time, the processor time of all its processes, output."""

    seconds: float
    cpu_seconds: float
    output: str


@dataclass(frozen=True)
class Runner:
    """Starts and times programs.

    Attributes:
        folder: Temporary folder for data, results and caches.
        processes: Number of processes of each program, with one thread each.
    """

    folder: Path
    processes: int

    def timed(self, command: Sequence[str | Path]) -> Timed:
        """Run a command.

        Raises:
            RuntimeError: If it fails.
        """
        temporary = self.folder / "tmp"  # torch keeps precompiled headers there
        temporary.mkdir(exist_ok=True)
        folders = {"ADAMCMP_CACHE": str(self.folder / "cache"), "TMPDIR": str(temporary)}
        environment = os.environ | folders
        start, cpu_before = time.perf_counter(), _cpu_seconds_of_children()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            line = " ".join(map(str, command))
            raise RuntimeError(f"{line} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return Timed(seconds, _cpu_seconds_of_children() - cpu_before, done.stdout)

    def ours(self, grid: Grid) -> tuple[Measurement, pd.DataFrame]:
        """Train a grid with adamcmp in a new folder; return also the rows of its runs."""
        self.data(grid.dataset)  # generated data are in the cache, as in the others' files
        results = self.folder / "results"
        command = [ADAMCMP, "sweep" if grid.runs > 1 else "run", "-q"]
        timed = self.timed([*command, *grid.overrides(), f"results={results}"])
        (study,) = results.iterdir()
        runs, metrics = pd.read_parquet(study / "runs"), pd.read_parquet(study / "metrics")
        shutil.rmtree(results)
        counts = metrics.groupby("run_id").size().unique().tolist()
        if len(counts) != 1:
            raise ResultMismatch(f"adamcmp did not evaluate all runs equally often: {counts}")
        workers = 1 if grid.device == "cuda" else min(self.processes, len(runs))
        training = float(runs["wall_time_s"].sum()) / workers
        measured = _means(runs, timed.seconds, training, counts[0])
        return replace(measured, cpu_seconds=timed.cpu_seconds, engine=runs["engine"].iloc[0]), runs

    def peer(
        self, program: str, grid: Grid, *more: str, processes: int | None = None
    ) -> Measurement:
        """Train a grid with a program of `bench_peers`."""
        data = self.data(grid.dataset)
        arguments = grid.arguments(data, processes or min(self.processes, grid.runs))
        command = [sys.executable, PEERS / f"{program}.py", *arguments, *more]
        timed = self.timed(command)
        result = json.loads(timed.output.splitlines()[-1])
        return Measurement(timed.seconds, timed.cpu_seconds, **result)

    def data(self, dataset: str) -> Path:
        """Return the npz file of a dataset, which is written before anything is timed."""
        file = self.folder / f"{dataset}.npz"
        if not file.exists():
            self.timed([sys.executable, PEERS / "prepare_data.py", dataset, file])
        return file

    def networks(self, grid: Grid, *more: str) -> Path:
        """Return the file of the networks of a grid's model, one for each seed."""
        file = self.folder / "-".join((grid.model, str(grid.seeds), *more))
        if not file.exists():
            arguments = [grid.dataset, grid.model, str(grid.seeds), file, *more]
            self.timed([sys.executable, PEERS / "prepare_networks.py", *arguments])
        return file

    def clear_caches(self) -> None:
        """Empty the caches of all programs, except for generated data."""
        for folder in (self.jax_cache, self.folder / "tmp"):
            shutil.rmtree(folder, ignore_errors=True)
        for entry in (self.folder / "cache").glob("*"):
            if entry.is_dir() and entry.name != "data":
                shutil.rmtree(entry)
            elif entry.is_file():
                entry.unlink()

    @property
    def jax_cache(self) -> Path:
        """The folder of JAX's compilation cache."""
        return self.folder / "jax"

    def peak(self, seconds: float) -> dict[str, Any]:
        """Measure the peak rate of matrix products in all processes, `seconds` for each shape."""
        options = ["--processes", str(self.processes), "--seconds", str(seconds)]
        timed = self.timed([sys.executable, PEERS / "gemm_peak.py", *options])
        peak: dict[str, Any] = json.loads(timed.output)
        return peak


def _cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _means(runs: pd.DataFrame, seconds: float, training: float, evaluations: int) -> Measurement:
    loss, accuracy = (float(runs[c].mean()) for c in ("train_loss", "test_accuracy"))
    return Measurement(seconds, 0.0, training, len(runs), evaluations, loss, accuracy)


def same_runs(runs: pd.DataFrame, grid: Grid, like: Measurement) -> Measurement:
    """Return adamcmp's means over its runs that are in `grid`."""
    selected = runs["lr"].isin([*map(float, grid.lrs)]) & runs["wd"].isin([*map(float, grid.wds)])
    return _means(runs[selected & (runs["seed"] < grid.seeds)], 0.0, 0.0, like.evaluations)
