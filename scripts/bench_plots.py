"""Plots of the benchmark."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import ScalarFormatter

from bench_several_grids import EMPTY, JAX, LOOP, WARM, crossover

Result = dict[str, Any]

TITLES = {
    "sizes": "Sweeps of 1 to 1,024 runs",
    "one_run": "A single run",
    "models": "Models",
    "mlp": "MLP grid",
    "gpu": "MLP grid on a GPU",
    "study": "The reference study",
}

#: Colors of adamcmp and of the other programs, safe for color blindness (Okabe & Ito).
OURS, PEER, JAX_COLOR = "#D55E00", "#0072B2", "#009E73"
_STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
#: Color and line style of each curve over the number of runs.
_CURVES = {WARM: (OURS, "-"), EMPTY: (OURS, "--"), LOOP: (PEER, "-"), JAX: (JAX_COLOR, "-")}


def draw_sizes(seconds: pd.DataFrame, labels: dict[str, str]) -> Figure:
    """Draw the time of a sweep over its number of runs; circles mark where adamcmp becomes faster.

    Args:
        seconds: Number of runs × (program, cache); see `bench_several_grids.fastest`.
        labels: The programs' labels.
    """
    runs = [int(size) for size in seconds.index]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 4), layout="constrained")
        axis = figure.subplots()
        for column in [column for column in _CURVES if column in seconds]:
            color, line = _CURVES[column]
            program, cache = column
            label = labels[program] + (f", {cache} cache" if cache else "")
            axis.plot(runs, seconds[column], line, color=color, marker=".", label=label)
        axis.set(xscale="log", yscale="log", xlabel="runs", ylabel="seconds, whole process")
        axis.set_xticks(runs, [f"{size:,}" for size in runs])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(ScalarFormatter())
        _mark_crossings(axis, seconds.set_axis(runs))
        axis.legend(frameon=False)
    return figure


def _mark_crossings(axis: Any, seconds: pd.DataFrame) -> None:
    """Mark where a curve of adamcmp falls below that of another program."""
    for ours, other in product((WARM, EMPTY), (LOOP, JAX)):
        if ours in seconds and other in seconds:
            runs = crossover(seconds[ours].to_dict(), seconds[other].to_dict())
            if runs:
                point = (runs, np.interp(runs, seconds.index, seconds[other]))
                axis.plot(*point, "o", color="black", fillstyle="none", markersize=9)
                axis.annotate(
                    f"{math.ceil(runs):,} runs", point, (8, -10), textcoords="offset points"
                )


def draw_programs(comparisons: dict[str, Result]) -> Figure:
    """Draw one panel per table: bars of µs per run-step, the time while training in full color."""
    counts = [len(result["programs"]) for result in comparisons.values()]
    with mpl.rc_context(_STYLE):
        height = 0.42 * sum(counts) + 0.9 * len(counts)
        figure = Figure(figsize=(7.2, height), layout="constrained")
        axes = figure.subplots(len(counts), 1, squeeze=False, height_ratios=counts)[:, 0]
        for axis, (table, result) in zip(axes, comparisons.items(), strict=True):
            _bars(axis, TITLES[table], result["programs"])
    return figure


def _bars(axis: Any, title: str, entries: dict[str, dict[str, Any]]) -> None:
    names = [*entries]
    whole = [entries[name]["us_per_run_step"] for name in names]
    training = [entries[name]["us_training"] for name in names]
    colors = [OURS if name == "ours" else PEER for name in names]
    axis.barh(names, whole, color=colors, alpha=0.4, height=0.65)
    axis.barh(names, training, color=colors, height=0.65)
    ours = entries.get("ours", {}).get("us_per_run_step")
    for place, us in enumerate(whole):
        ratio = f"  ({us / ours:.1f}×)" if ours and names[place] != "ours" else ""
        axis.annotate(f" {us:,.0f}{ratio}", (us, place), va="center")
    labels = [
        entries[name]["label"] + (" †" if entries[name]["extrapolated"] else "") for name in names
    ]
    axis.set_yticks(range(len(names)), labels)
    axis.invert_yaxis()
    axis.set_xlim(0, 1.25 * max(whole))
    axis.set_title(title, loc="left", fontsize=10)
    axis.set_xlabel("µs per run-step, whole process (pale: start, imports; ×: over adamcmp)")
