"""The tables of several grids: sizes of a sweep, a single run, models."""

from __future__ import annotations

import math
from itertools import pairwise, product
from typing import Any

import pandas as pd
from tabulate import tabulate

Result = dict[str, Any]
#: A program, and whether its cache was ``empty`` or ``warm``; the cache is "" if it has none.
Column = tuple[str, str]

WARM, EMPTY, LOOP, JAX = ("ours", "warm"), ("ours", "empty"), ("loop", ""), ("small_jax", "warm")


def sizes_table(result: Result, style: str) -> list[str]:
    """Return the times of sweeps of several sizes, and from which size on adamcmp is faster."""
    seconds = fastest(result, "seconds")
    headers = ["runs", "engine"]
    headers += [f"{_label(result, column)} (s)" for column in seconds]
    headers += ["warm ÷ loop", "empty ÷ loop", "warm ÷ JAX"]
    rows = [
        [
            *(f"{int(runs):,}", _engine(result, runs)),
            *(f"{times[column]:.2f}" for column in seconds),
            *(_ratio(times, *pair) for pair in ((WARM, LOOP), (EMPTY, LOOP), (WARM, JAX))),
        ]
        for runs, times in seconds.iterrows()
    ]
    grid = next(iter(result["grids"].values()))
    return [
        f"Sweeps of the MLP grid's settings and further seeds, {grid['steps']} steps per run, "
        f"fastest of {result['repeat']} passes. One run is trained by `adamcmp run`.",
        tabulate(rows, headers, tablefmt=style, disable_numparse=True),
        *crossings(seconds),
    ]


def crossings(seconds: pd.DataFrame) -> list[str]:
    """Return sentences that say from which number of runs on adamcmp is faster."""
    caches = {"a warm": WARM, "an empty": EMPTY}
    others = {"the loop by hand": LOOP, "JAX with a warm cache": JAX}
    return [
        f"With {cache} cache, adamcmp is {compared(seconds, ours, theirs, other)}."
        for (cache, ours), (other, theirs) in product(caches.items(), others.items())
        if ours in seconds and theirs in seconds
    ]


def compared(seconds: pd.DataFrame, ours: Column, theirs: Column, other: str) -> str:
    """Return from which number of runs on `ours` is faster than `theirs`, named `other`."""
    sizes = seconds.set_axis([int(str(runs)) for runs in seconds.index])
    runs = crossover(sizes[ours].to_dict(), sizes[theirs].to_dict())
    if runs is None:
        return f"slower than {other} at the largest size"
    size = f"from about {math.ceil(runs):,} runs on" if runs else "at every size"
    return f"faster than {other} {size}"


def crossover(ours: dict[int, float], theirs: dict[int, float]) -> float | None:
    """Return the number of runs from which on `ours` takes less time, 0 for all measured sizes.

    Between measured sizes, times are interpolated linearly.

    Returns:
        None if `ours` takes longer at the largest size.
    """
    excess = {runs: ours[runs] - theirs[runs] for runs in sorted(ours)}
    *_, last = excess
    if excess[last] >= 0:
        return None
    crossed = [(a, b) for a, b in pairwise(excess) if excess[a] >= 0 and excess[b] < 0]
    if not crossed:
        return 0
    a, b = crossed[-1]
    return a + (b - a) * excess[a] / (excess[a] - excess[b])


def one_run_table(result: Result, style: str) -> list[str]:
    """Return the times of a single run, the start-up and the time of a step that follow."""
    seconds = fastest(result, "seconds")
    if not {WARM, LOOP} <= {*seconds}:
        return ["adamcmp or the loop by hand was not measured."]
    rows = [
        [
            *(f"{int(str(steps)):,}", f"{times[WARM]:.2f}", f"{times[LOOP]:.2f}"),
            *(f"{times[WARM] - times[LOOP]:+.2f}", f"{times[WARM] / times[LOOP]:.2f}"),
        ]
        for steps, times in seconds.iterrows()
    ]
    headers = ["steps", "adamcmp run (s)", "script (s)", "difference (s)", "ratio"]
    (ours, our_start), (script, start) = (
        _line({int(str(steps)): float(t) for steps, t in seconds[column].items()})
        for column in (WARM, LOOP)
    )
    return [
        "A single run of the MLP, compared with a script that has only the same loop; warm cache, "
        f"fastest of {result['repeat']} passes.",
        tabulate(rows, headers, tablefmt=style, disable_numparse=True),
        f"A further step, evaluations included, takes adamcmp {1e6 * ours:,.0f} µs and the script "
        f"{1e6 * script:,.0f} µs (ratio {ours / script:.2f}). Everything else takes "
        f"{our_start:.2f} s and {start:.2f} s (difference {our_start - start:+.2f} s).",
    ]


def _line(seconds: dict[int, float]) -> tuple[float, float]:
    """Return the slope and the intercept of the line through the times of two numbers of steps."""
    (a, at_a), (b, at_b) = seconds.items()
    slope = (at_b - at_a) / (b - a)
    return slope, at_a - a * slope


def models_table(result: Result, style: str) -> list[str]:
    """Return the times of the models, beside loops over the same module and over torch's."""
    ours, torchs = ("loop_over_ours", ""), ("loop_over_torchs", "")
    seconds, training = fastest(result, "seconds"), fastest(result, "training_s")
    rows = []
    for model, times in seconds.iterrows():
        grid = result["grids"][str(model)]
        run_steps = len(grid["lrs"]) * len(grid["wds"]) * grid["seeds"] * grid["steps"]
        us = 1e6 * training.loc[model] / run_steps
        rows.append(
            [
                *(model, grid["dataset"], _engine(result, model)),
                *(_number(times, column, ".1f") for column in (EMPTY, WARM, ours)),
                _ratio(times, WARM, ours),
                *(_number(us, column, ",.0f") for column in (WARM, ours, torchs)),
                *(_ratio(us, WARM, column) for column in (ours, torchs)),
            ]
        )
    headers = ["model", "dataset", "engine", "adamcmp, empty cache (s)", "warm (s)", "loop (s)"]
    headers += ["warm ÷ loop", "training: adamcmp (µs per run-step)", "loop (µs)"]
    headers += ["loop, torch's module (µs)", "adamcmp ÷ loop", "÷ loop, torch's module"]
    grid = next(iter(result["grids"].values()))
    runs = len(grid["lrs"]) * len(grid["wds"]) * grid["seeds"]
    return [
        f"{runs} runs of {grid['steps']} steps with each model, batch 128. The loop by hand trains "
        "the same module, the one that the model's `build` returns, with fused AdamW and joblib; "
        "torch's module is `nn.TransformerEncoder`, pre-norm, with the same width, depth and "
        f"heads. Whole processes, then while training; fastest of {result['repeat']} passes.",
        tabulate(rows, headers, tablefmt=style, disable_numparse=True),
    ]


def fastest(result: Result, measure: str) -> pd.DataFrame:
    """Return a measure's minimum over the passes: grids × columns (program, cache)."""
    passes = pd.DataFrame(result["rows"])
    best = passes.groupby(["grid", "program", "cache"], sort=False)[measure].min()
    columns = passes[["program", "cache"]].drop_duplicates().itertuples(index=False, name=None)
    table: pd.DataFrame = best.unstack(["program", "cache"])
    return table.loc[[*result["grids"]], [*columns]]


def _engine(result: Result, grid: Any) -> str:
    """Return the engine that adamcmp selected for a grid."""
    engines = {row["engine"] for row in result["rows"] if row["grid"] == grid and row["engine"]}
    return ", ".join(sorted(engines))


def _label(result: Result, column: Column) -> str:
    program, cache = column
    return result["labels"][program] + (f", {cache} cache" if cache else "")


def _number(times: pd.Series, column: Column, form: str) -> str:
    return format(times[column], form) if pd.notna(times.get(column)) else "–"


def _ratio(times: pd.Series, above: Column, below: Column) -> str:
    both = times.reindex(pd.MultiIndex.from_tuples([above, below]))
    return f"{both.iloc[0] / both.iloc[1]:.2f}" if both.notna().all() else "–"
