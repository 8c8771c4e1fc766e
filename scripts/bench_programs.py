"""The compared programs: how each trains a grid, and the tables in which it appears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

from bench_grids import MODELS, Grid
from bench_runner import Measurement, Runner

#: Runs that JAX trains at once in a process, where the fastest number is not searched for. Widths
#: from 4 to 16 are about equally fast.
JAX_WIDTH = 8


@dataclass(frozen=True)
class Program:
    """A compared program.

    Attributes:
        label: Its name in tables.
        train: Trains a grid.
        tables: The tables in which it appears.
        requirements: Distributions that must be installed.
        models: The models that it trains.
        subset: The part of a grid that it trains; the rest is extrapolated.
        caches: Whether it caches compiled code.
    """

    label: str
    train: Callable[[Runner, Grid], Measurement]
    tables: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    models: tuple[str, ...] = tuple(MODELS)
    subset: Callable[[Grid], Grid] = lambda grid: grid
    caches: bool = False

    def missing(self) -> list[str]:
        """Return the required distributions that are not installed."""
        return [name for name in self.requirements if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


def _fastest_jax(runner: Runner, grid: Grid) -> Measurement:
    return _jax(runner, grid, *best_of_jax(runner, grid)[0])


def _small_jax(runner: Runner, grid: Grid) -> Measurement:
    """Train as many runs at once as leave none of the processes without work."""
    processes = min(runner.processes, grid.runs)
    return _jax(runner, grid, min(JAX_WIDTH, -(-grid.runs // processes)), processes)


def _jax(runner: Runner, grid: Grid, width: int, processes: int) -> Measurement:
    more = ("--cache", str(runner.jax_cache), "--width", str(width))
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
        result = _jax(runner, short, width, processes)
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


def _loop_over(runner: Runner, grid: Grid, *source: str) -> Measurement:
    """Train the networks of `prepare_networks.py` with the loop by hand."""
    return runner.peer("loop", grid, "--networks", str(runner.networks(grid, *source)))


PROGRAMS = {
    "ours": Program(
        "adamcmp",
        lambda runner, grid: runner.ours(grid)[0],
        tables=("mlp", "sizes", "one_run", "models", "gpu"),
        caches=True,
    ),
    "usual": Program(
        "DataLoader + torch.optim, joblib",
        lambda runner, grid: runner.peer("usual", grid),
        tables=("mlp", "gpu"),
        requirements=("joblib",),
        subset=_eighth_on_gpu,
    ),
    "loop": Program(
        "loop by hand, fused AdamW, joblib",
        lambda runner, grid: runner.peer("loop", grid),
        tables=("mlp", "sizes", "one_run", "gpu"),
        requirements=("joblib",),
        subset=_eighth_on_gpu,
    ),
    "loop_over_ours": Program(
        "loop by hand, over adamcmp's module",
        _loop_over,
        tables=("models",),
        requirements=("joblib",),
    ),
    "loop_over_torchs": Program(
        "loop by hand, over torch's module",
        lambda runner, grid: _loop_over(runner, grid, "--torch"),
        tables=("models",),
        requirements=("joblib",),
        models=("vit",),
    ),
    "jax": Program(
        "JAX vmap + scan",
        _fastest_jax,
        tables=("mlp", "gpu"),
        requirements=("jax", "joblib"),
        caches=True,
    ),
    "small_jax": Program(
        f"JAX vmap + scan, up to {JAX_WIDTH} runs at once",
        _small_jax,
        tables=("sizes",),
        requirements=("jax", "joblib"),
        caches=True,
    ),
    "lightning": Program(
        "Lightning, Hydra's joblib launcher",
        lambda runner, grid: runner.peer("lightning_sweep", grid),
        tables=("mlp",),
        requirements=("pytorch-lightning", "hydra-joblib-launcher"),
        subset=_eighth,
    ),
}
