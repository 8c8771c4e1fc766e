"""The contestants: how each is started and timed, and that all of them did the same work."""

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


class Disagreement(Exception):
    """A contestant did other work than the others, or ended elsewhere."""


@dataclass(frozen=True)
class Measured:
    """A contestant's one passage through a grid.

    Attributes:
        seconds: From its process's start to its end.
        steady_s: Of these, those inside runs, evaluations included: the runs' own times over the
            number of processes.
        runs: Runs trained.
        evaluations: Evaluations of each of them.
        train_loss: Mean final training loss of the runs, in nats.
        test_accuracy: Mean final test accuracy of the runs.
    """

    seconds: float
    steady_s: float
    runs: int
    evaluations: int
    train_loss: float
    test_accuracy: float

    def grown(self, runs: int) -> Measured:
        """Return what `runs` runs would take: the time inside runs grows with them, alone."""
        steady = self.steady_s * runs / self.runs
        return replace(self, seconds=self.seconds - self.steady_s + steady, steady_s=steady)


def check(name: str, found: Measured, ours: Measured, grid: Grid) -> None:
    """Check that a contestant did the grid's work and ended where adamcmp ends.

    Args:
        name: Whom to blame.
        found: What it did.
        ours: What adamcmp did on the same runs.
        grid: The runs.

    Raises:
        Disagreement: When it trained fewer runs, evaluated them less often, or its mean training
            loss or test accuracy is off by more than the grid's tolerance.
    """
    work = (found.runs, found.evaluations)
    if work != (grid.runs, grid.evaluations):
        raise Disagreement(
            f"{name} trained {found.runs} runs with {found.evaluations} evaluations each, "
            f"instead of {grid.runs} with {grid.evaluations}."
        )
    for measure in ("train_loss", "test_accuracy"):
        theirs, wanted = getattr(found, measure), getattr(ours, measure)
        if not abs(theirs - wanted) <= grid.tolerance:  # NaN is off too
            raise Disagreement(
                f"{name} reached a mean {measure} of {theirs:.3f} over the grid, instead of "
                f"{wanted:.3f} ± {grid.tolerance:g}."
            )


@dataclass(frozen=True)
class Arena:
    """Where contestants are started.

    Attributes:
        folder: What is there only while the benchmark runs: data, results, caches.
        processes: Number of processes that each may use, of one thread each.
    """

    folder: Path
    processes: int

    def timed(self, command: Sequence[str | Path]) -> tuple[float, str]:
        """Run a command to its end; return its seconds and what it printed.

        Raises:
            RuntimeError: When it fails.
        """
        environment = {**os.environ, "ADAMCMP_CACHE": str(self.folder / "cache")}
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            words = " ".join(map(str, command))
            raise RuntimeError(f"{words} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return seconds, done.stdout

    def ours(self, grid: Grid, command: str = "sweep") -> tuple[Measured, pd.DataFrame]:
        """Train a grid with adamcmp, into a new folder; return also its runs."""
        results = self.folder / "results"
        script = Path(sysconfig.get_path("scripts")) / "adamcmp"
        seconds, _ = self.timed([script, command, "-q", *grid.words(), f"results={results}"])
        (study,) = results.iterdir()
        runs, metrics = pd.read_parquet(study / "runs"), pd.read_parquet(study / "metrics")
        shutil.rmtree(results)
        counted = metrics.groupby("run_id").size().unique().tolist()
        if len(counted) != 1:
            raise Disagreement(f"adamcmp evaluated its runs unequally often: {counted}")
        workers = 1 if grid.device == "cuda" else min(self.processes, len(runs))
        steady = float(runs["wall_time_s"].sum()) / workers
        return _means(runs, seconds, steady, counted[0]), runs

    def peer(self, program: str, grid: Grid, *more: str, processes: int | None = None) -> Measured:
        """Train a grid with one of the peers."""
        data = self.data(grid.dataset)
        arguments = grid.arguments(data, processes or self.processes)
        command = [sys.executable, PEERS / f"{program}.py", *arguments, *more]
        seconds, printed = self.timed(command)
        return Measured(seconds, **json.loads(printed.splitlines()[-1]))

    def data(self, dataset: str) -> Path:
        """Return the npz file of a dataset, made before any clock starts."""
        file = self.folder / f"{dataset}.npz"
        if not file.exists():
            self.timed([sys.executable, PEERS / "prepare_data.py", dataset, file])
        return file

    def peak(self, seconds: float) -> dict[str, Any]:
        """Measure the peak of matrix products, all processes at once, `seconds` a shape."""
        options = ["--processes", str(self.processes), "--seconds", str(seconds)]
        _, printed = self.timed([sys.executable, PEERS / "gemm_peak.py", *options])
        found: dict[str, Any] = json.loads(printed)
        return found


def _means(runs: pd.DataFrame, seconds: float, steady: float, evaluations: int) -> Measured:
    loss, accuracy = (float(runs[c].mean()) for c in ("train_loss", "test_accuracy"))
    return Measured(seconds, steady, len(runs), evaluations, loss, accuracy)


def same_runs(runs: pd.DataFrame, grid: Grid, like: Measured) -> Measured:
    """Return adamcmp's means over those of its runs that are in `grid`."""
    chosen = runs["lr"].isin([*map(float, grid.lrs)]) & runs["wd"].isin([*map(float, grid.wds)])
    return _means(runs[chosen & (runs["seed"] < grid.seeds)], 0.0, 0.0, like.evaluations)


Enter = Callable[[Arena, Grid], Measured]


@dataclass(frozen=True)
class Contestant:
    """Who takes part.

    Attributes:
        label: Its name in tables.
        enter: Trains a grid.
        needs: Distributions that must be installed.
        part: The part of a grid that it trains; the rest is extrapolated.
        caches: Whether it keeps what it compiled: it then passes once uncounted.
        tables: The tables in which it takes part.
    """

    label: str
    enter: Enter
    needs: tuple[str, ...] = ()
    part: Callable[[Grid], Grid] = lambda grid: grid
    caches: bool = False
    tables: tuple[str, ...] = ("mlp",)

    def missing(self) -> list[str]:
        """Return the needed distributions that are not installed."""
        return [name for name in self.needs if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _jax(arena: Arena, grid: Grid) -> Measured:
    (width, processes), _ = best_of_jax(arena, grid)
    cache = str(arena.folder / "jax")
    more = ("--cache", cache, "--width", str(width))
    return arena.peer("jax_vmap", grid, *more, processes=processes)


@cache
def best_of_jax(arena: Arena, grid: Grid) -> tuple[tuple[int, int], dict[str, float]]:
    """Return JAX's best (width, processes), and µs per run-step of all that was tried.

    What is tried is two stretches of the grid's runs; compilation is left out.
    """
    short = replace(grid, steps=min(grid.steps, 2 * grid.every))
    tried = [(w, arena.processes) for w in (4, 8, 16)] + [(w, 1) for w in (8, 16, 64)]
    if grid.device == "cuda":
        tried = [(grid.runs, 1)]
    found = {}
    for width, processes in dict.fromkeys(tried):
        more = ("--cache", str(arena.folder / "jax"), "--width", str(width))
        done = arena.peer("jax_vmap", short, *more, processes=processes)
        found[width, processes] = 1e6 * done.steady_s / short.run_steps
    rows = {f"{w} runs × {p} processes": round(us, 1) for (w, p), us in found.items()}
    return min(found, key=found.__getitem__), rows


def _few_on_gpu(grid: Grid) -> Grid:
    """Return the part for those who launch every operation from Python."""
    return _few(grid) if grid.device == "cuda" else grid


def _few(grid: Grid) -> Grid:
    """Return an eighth of the full grid, whose means are nearly the whole grid's."""
    few = {"wds": ("1e-2",), "seeds": min(grid.seeds, 2), "tolerance": 2 * grid.tolerance}
    return replace(grid, **few)


CONTESTANTS = {
    "ours": Contestant(
        "adamcmp",
        lambda arena, grid: arena.ours(grid)[0],
        caches=True,
        tables=("mlp", "cnn", "gpu"),
    ),
    "usual": Contestant(
        "DataLoader + torch.optim, joblib",
        lambda arena, grid: arena.peer("usual", grid),
        needs=("joblib",),
        part=_few_on_gpu,
        tables=("mlp", "cnn", "gpu"),
    ),
    "loop": Contestant(
        "loop by hand, fused AdamW, joblib",
        lambda arena, grid: arena.peer("loop", grid),
        needs=("joblib",),
        part=_few_on_gpu,
        tables=("mlp", "cnn", "gpu"),
    ),
    "jax": Contestant(
        "JAX vmap + scan", _jax, needs=("jax", "joblib"), caches=True, tables=("mlp", "gpu")
    ),
    "lightning": Contestant(
        "Lightning, Hydra's joblib launcher",
        lambda arena, grid: arena.peer("lightning_sweep", grid),
        needs=("pytorch-lightning", "hydra-joblib-launcher"),
        part=_few,
    ),
}
