"""Measure the tables of the benchmark: each function returns the content of one JSON file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench_grids import BATCH, GRIDS, MLP, QUICK, Grid, flop_per_run_step
from bench_programs import PROGRAMS, Program, best_of_jax
from bench_runner import ADAMCMP, Measurement, Runner, check, same_runs

#: The study that the README reports.
STUDY = "decoupling"


@dataclass(frozen=True)
class Benchmark:
    """The options of the benchmark and the runner of its programs."""

    runner: Runner
    only: list[str]
    repeat: int
    quick: bool

    def grids(self, table: str) -> dict[str, Grid]:
        """Return the grids of a table by the name of the row."""
        return dict((QUICK if self.quick else GRIDS)[table])

    def programs(self, table: str) -> dict[str, Program]:
        """Return the programs of a table that are requested and installed."""
        names = [name for name in self.only if table in PROGRAMS[name].tables]
        for name in names:
            if missing := PROGRAMS[name].missing():
                print(f"{name} is skipped, since {', '.join(missing)} is missing: ", end="")
                print("pip install 'adamcmp[bench]'")
        return {name: PROGRAMS[name] for name in names if not PROGRAMS[name].missing()}


def one_grid(benchmark: Benchmark, table: str) -> dict[str, Any]:
    """Let all programs train one grid in turn; return their times and the table's other numbers."""
    runner, grid = benchmark.runner, benchmark.grids(table)[""]
    programs = benchmark.programs(table)
    print(f"{table}: adamcmp, empty cache")
    runner.clear_caches()
    cold, runs = runner.ours(grid)
    if grid.expected:
        check("adamcmp", cold, replace(cold, **_expected(grid)), grid)
    for name, program in programs.items():
        if program.caches and name != "ours":
            print(f"{table}: {program.label}, not counted")
            program.train(runner, grid)
    passes: dict[str, list[Measurement]] = {name: [] for name in programs}
    peaks = []
    for number in range(benchmark.repeat):
        if table == "mlp":
            peaks.append(runner.peak(0.02 if benchmark.quick else 0.5))
        for name, program in programs.items():
            subset = program.subset(grid)
            result = program.train(runner, subset)
            check(program.label, result, same_runs(runs, subset, cold), subset)
            passes[name].append(result.extrapolated_to(grid.runs))
            print(f"{table}: {program.label}, pass {number + 1}: {passes[name][-1].seconds:.1f} s")
    return {
        "grid": asdict(grid),
        "cold_seconds": cold.seconds,
        "flop_per_run_step": flop_per_run_step(MLP, BATCH) if table == "mlp" else None,
        "peak": _best_peak(peaks),
        "jax_tried": best_of_jax(runner, grid)[1] if "jax" in programs else None,
        "programs": {
            name: _entry(programs[name], grid, measured) for name, measured in passes.items()
        },
    }


def _best_peak(peaks: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the highest peak of several passes, with the fastest products of each width."""
    if not peaks:
        return None
    products = [peak["products_us"] for peak in peaks]
    fastest = {width: min(each[width] for each in products) for width in products[0]}
    return max(peaks, key=lambda peak: peak["gflops"]) | {"products_us": fastest}


def _expected(grid: Grid) -> dict[str, float]:
    return dict(zip(("train_loss", "test_accuracy"), grid.expected or (), strict=True))


def _entry(program: Program, grid: Grid, passes: list[Measurement]) -> dict[str, Any]:
    best = min(passes, key=lambda measured: measured.seconds)
    return {
        "label": program.label,
        "extrapolated": best.runs < grid.runs,
        "us_per_run_step": 1e6 * best.seconds / grid.run_steps,
        "us_training": 1e6 * best.training_s / grid.run_steps,
        "passes": [asdict(measured) for measured in passes],
    }


def several_grids(benchmark: Benchmark, table: str) -> dict[str, Any]:
    """Let all programs train each grid of a table, with empty and with warm caches."""
    grids, programs = benchmark.grids(table), benchmark.programs(table)
    rows = []
    for name, grid in grids.items():
        for number in range(benchmark.repeat):
            for row in _pass(benchmark.runner, grid, programs):
                rows.append({"grid": name, **row})
                cache = f", {row['cache']} cache" if row["cache"] else ""
                label = programs[row["program"]].label + cache
                print(f"{table}: {name}, {label}, pass {number + 1}: {row['seconds']:.1f} s")
    return {
        "grids": {name: asdict(grid) for name, grid in grids.items()},
        "labels": {name: program.label for name, program in programs.items()},
        "rows": rows,
    }


def _pass(runner: Runner, grid: Grid, programs: dict[str, Program]) -> Iterator[dict[str, Any]]:
    """Yield a row for each program and state of its cache; check all against the first."""
    runner.clear_caches()
    first: Measurement | None = None
    for name, program in programs.items():
        if grid.model not in program.models:
            continue
        for cache in ("empty", "warm") if program.caches else ("",):
            result = program.train(runner, grid)
            first = first or result
            check(program.label, result, first, grid)
            yield {"program": name, "cache": cache, **asdict(result)}


def gpu(benchmark: Benchmark, table: str) -> dict[str, Any] | None:
    """Compare the programs on the grid of `mlp` on a GPU, if there is one."""
    import torch

    if torch.cuda.is_available():
        return one_grid(benchmark, table)
    print("gpu: torch finds no CUDA GPU; this table is skipped.")
    return None


def study(benchmark: Benchmark, table: str) -> dict[str, Any]:
    """Time the study that the README reports, with an empty cache."""
    results = benchmark.runner.folder / table
    benchmark.runner.clear_caches()
    scale = ["--scale", "smoke"] if benchmark.quick else []
    timed = benchmark.runner.timed([ADAMCMP, "study", STUDY, *scale, f"results={results}"])
    print(f"{table}: {STUDY}: {timed.seconds:.1f} s")
    return {"study": STUDY, "seconds": timed.seconds, "cpu_seconds": timed.cpu_seconds}


TABLES: dict[str, Callable[[Benchmark, str], dict[str, Any] | None]] = {
    "sizes": several_grids,
    "one_run": several_grids,
    "models": several_grids,
    "mlp": one_grid,
    "gpu": gpu,
    "study": study,
}
