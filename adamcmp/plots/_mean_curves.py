"""The data of plots along training: means and intervals over seeds at each evaluation."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from adamcmp.analysis.aggregation import mean_over_seeds
from adamcmp.errors import NothingToDraw
from adamcmp.plots._options import one_of
from adamcmp.plots.drawing.labels import X_LABELS

_KEYS = ["problem", "optimizer", "loss_name", "metric", "step"]


def mean_curves(
    selected: pd.DataFrame, metrics: pd.DataFrame, columns: Sequence[str], x: str = "epoch"
) -> pd.DataFrame:
    """Return the mean and 95 % interval over seeds of some metrics at each evaluation.

    Runs that diverged are not averaged.

    Args:
        selected: The runs of each optimizer's selected setting.
        metrics: Their evaluations, and possibly those of other runs.
        columns: Columns of `metrics`. Those that no run has are left out.
        x: The horizontal axis: ``"epoch"``, ``"step"``, ``"examples"`` or ``"wall_time_s"``.

    Returns:
        Rows with ``problem optimizer loss_name metric step x_name x estimate ci_low ci_high n``,
        and in every row ``diverged``, the number of selected runs that diverged.

    Raises:
        ConfigError: If `x` is none of these.
        NothingToDraw: If no run has such a curve.
    """
    one_of("x", x, tuple(X_LABELS))
    diverged = int((selected["status"] == "diverged").sum())
    curves = _curves(selected[selected["status"] == "done"], metrics)
    measured = [c for c in columns if c in curves and curves[c].notna().any()]
    if curves.empty or not measured:
        raise NothingToDraw("No completed run has evaluations of these metrics.")
    keys = list(dict.fromkeys(["problem", "optimizer", "loss_name", "step", x]))
    long = curves.melt(id_vars=keys, value_vars=measured, var_name="metric").dropna(subset="value")
    # Seeds have the same steps, but may differ in x, such as the wall time.
    mean_x = long.assign(x=long[x].astype(float)).groupby(_KEYS)["x"].mean()
    means = mean_over_seeds(long, _KEYS).join(mean_x, on=_KEYS)
    means = means.sort_values("step", kind="stable", ignore_index=True)
    if means.groupby(_KEYS[:-1]).size().max() < 2:
        raise NothingToDraw("Each run was evaluated only once, so there are no curves.")
    return means.assign(x_name=x, diverged=diverged)


def _curves(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the evaluations of runs, in their order, with problem, optimizer and loss."""
    labels = runs[["run_id", "problem", "optimizer", "loss"]].rename(columns={"loss": "loss_name"})
    evaluations = metrics[metrics["run_id"].isin(labels["run_id"])]
    return labels.merge(evaluations, on="run_id")
