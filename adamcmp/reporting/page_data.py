"""The data for the page's script: every run, as columns of JSON values."""

from __future__ import annotations

import math
from typing import Any

import matplotlib as mpl
import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.analysis.labels import short_setting_names
from adamcmp.analysis.measures.best_settings import REPORTED_METRICS
from adamcmp.analysis.setting_matrix import on_common_seeds
from adamcmp.analysis.wording import display_name, metric_heading, scale
from adamcmp.plots.drawing.styles import optimizer_styles

_COLOR_STEPS = 64


def page_data(table: RunTable) -> dict[str, Any]:
    """Return the data for the script, as JSON values; errors are in percent."""
    styles = optimizer_styles(table.optimizers)
    metrics = measured_metrics(table)
    colormap = mpl.colormaps["viridis_r"]
    shades = [colormap(step / (_COLOR_STEPS - 1)) for step in range(_COLOR_STEPS)]
    return {
        "optimizers": list(styles),
        "names": [display_name(name) for name in styles],
        "colors": [style.color for style in styles.values()],
        "scale": [mpl.colors.to_hex(color) for color in shades],
        "problems": list(table.problems),
        "runs": _run_columns(table, list(styles)),
        "headings": {name: metric_heading(name) for name in metrics},
        "metrics": {name: _numbers(scale(name) * table.runs[name]) for name in metrics},
    }


def measured_metrics(table: RunTable) -> list[str]:
    """Return the metrics that any run has; first those by which the problems are compared."""
    runs = table.runs
    metrics = dict.fromkeys([*map(table.metric, table.problems), *REPORTED_METRICS])
    return [metric for metric in metrics if metric in runs and runs[metric].notna().any()]


def _run_columns(table: RunTable, optimizers: list[str]) -> dict[str, list[Any]]:
    runs, problems = table.runs, table.problems
    ranks = table.ranked().set_index("run_id")["rank"]
    selected = set(table.selected()["run_id"])
    return {
        "id": list(runs["run_id"]),
        "optimizer": [optimizers.index(name) for name in runs["optimizer"]],
        "problem": [problems.index(name) for name in runs["problem"]],
        "lr": _numbers(runs["lr"]),
        "wd": _numbers(runs["wd"]),
        "settings": _other_settings(table),
        "seed": [int(seed) for seed in runs["seed"]],
        "status": list(runs["status"]),
        # Failed runs have no rank and are placed last.
        "rank": [int(rank) for rank in ranks.reindex(runs["run_id"]).fillna(len(runs))],
        "selected": [run_id in selected for run_id in runs["run_id"]],
        "compared": [bool(value) for value in on_common_seeds(table)],
    }


def _other_settings(table: RunTable) -> list[str]:
    """Return each run's settings except lr and wd as text; "" if no other setting varied."""
    columns = [c for c in table.setting_columns if c not in ("lr", "wd")]
    if not columns:
        return [""] * len(table.runs)
    names = short_setting_names(columns)
    texts = [names[c] + " " + table.runs[c].map(str) for c in columns]
    return [", ".join(values) for values in zip(*texts, strict=True)]


def _numbers(values: pd.Series[float]) -> list[float | None]:
    """Round to five digits; None replaces values that are not finite, which JSON cannot hold."""
    return [float(f"{v:.5g}") if math.isfinite(v) else None for v in values.astype(float)]
