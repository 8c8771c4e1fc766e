"""Coordinate collapse: which coordinate of weight decay has the same best value at every lr?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure, column_headings, shares
from adamcmp.analysis.measures.surface import (
    BASIN_REQUIREMENT,
    BASINS,
    basin,
    basin_headline,
    fit_scale,
    quadratic_design,
)
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import BUDGET, SettingMatrix, at_selected, setting_matrices
from adamcmp.analysis.variance_share import variance_share
from adamcmp.analysis.wording import display_name, join_names

#: Couplings whose decay per step is wd itself, not lr·wd.
_WITHOUT_LR = ("independent", "fixed")
Bools = NDArray[np.bool_]


def coordinates(runs: pd.DataFrame) -> pd.DataFrame:
    """Return weight decay in the forms in which it is parametrized.

    >>> import pandas as pd
    >>> runs = pd.DataFrame({"lr": [0.1, 0.01], "wd": 0.1, "steps": 100, "coupling": "decoupled"})
    >>> coordinates(runs).round(4)
        wd  lr·wd  wd_norm  time scale
    0  0.1  0.010      1.0         1.0
    1  0.1  0.001      1.0        10.0

    Args:
        runs: Columns lr, wd, steps, coupling and, where present, ``optimizer.normalized``: whether
            wd holds wd_norm.

    Returns:
        With the index of `runs`, columns: ``wd``, as the update applies it; ``lr·wd``; ``wd_norm``
        = wd·√steps, which is wd / √(b/(B·T)) (Loshchilov & Hutter 2019, appendix B.1); ``time
        scale`` = 1 / (decay per step · steps), the time over which weights average updates, in
        lengths of the run (Wang & Aitchison 2024, arXiv 2405.13698). The decay per step is lr·wd,
        or wd for couplings without lr. Without decay the time scale is infinite.
    """
    lr, wd, steps = (runs[c].astype(float) for c in ("lr", "wd", "steps"))
    normalized = runs.get("optimizer.normalized", pd.Series(False, runs.index)).eq(True)
    wd = wd.where(~normalized, wd / steps**0.5)
    decay = wd.where(runs["coupling"].isin(_WITHOUT_LR), lr * wd)
    columns = {"wd": wd, "lr·wd": lr * wd, "wd_norm": wd * steps**0.5}
    return pd.DataFrame({**columns, "time scale": 1 / (decay * steps)})


def collapse(table: RunTable) -> pd.DataFrame:
    """Return how well the surfaces over lr collapse to one curve over each form of weight decay.

    Within the basin of each budget (number of steps) a quadratic surface is fitted to the test
    error (regression: logarithm of the loss) over log lr × log wd, for several sizes of the basin.
    The estimate is a share of the variance that weight decay explains in it, beyond what lr
    explains at each budget: the share that one parabola in the coordinate, the same at every lr and
    budget, explains. At 1 the best value of the coordinate is the same at every lr and budget.

    At one budget ``wd`` and ``wd_norm`` are equal up to a constant, and so are ``lr·wd`` and
    ``time scale`` (for couplings without lr: ``wd`` and ``time scale``); several budgets are needed
    to distinguish them. Cells with wd = 0 have no logarithm and are left out.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> shares = collapse(table)
    >>> shares = shares[(shares["optimizer"] == "adam_l2") & (shares["basin"] == 0.1)]
    >>> shares[["coordinate", "estimate", "n"]].round(2)
       coordinate  estimate  n
    4          wd      0.36  5
    5       lr·wd      0.72  5
    6     wd_norm      0.36  5
    7  time scale      0.72  5

    Returns:
        One row per problem, optimizer, size of the basin and coordinate: problem, optimizer, basin
        (one of `BASINS`), coordinate (a column of `coordinates`); estimate, ci_low, ci_high, n
        (seeds); cells; budgets; fit, the share of the variance within budgets that the quadratic
        surfaces explain, noise included.
    """
    rows = []
    for matrix in setting_matrices(at_selected(table, ("lr", "wd", *BUDGET))):
        matrix = matrix.where((matrix.settings["wd"] > 0).to_numpy(bool))
        if matrix.settings["lr"].nunique() < 2 or matrix.settings["wd"].nunique() < 2:
            continue
        for size in BASINS:
            cells = matrix.where(in_fitted_basin(matrix, size))
            if len(cells.test):
                rows += [
                    (cells.problem, cells.optimizer, size, *shares) for shares in _shares(cells)
                ]
    others = ["cells", "budgets", "fit"]
    return pd.DataFrame(rows, columns=[*GROUP, "basin", "coordinate", *ESTIMATE_COLUMNS, *others])


def _shares(matrix: SettingMatrix) -> list[tuple[object, ...]]:
    """Return the rows of `collapse` from the coordinate on, for the cells of one basin."""
    values, budgets = fit_scale(matrix, matrix.test), _budget_masks(matrix)
    counts = (len(matrix.seeds), len(values), len(budgets))
    rows: list[tuple[object, ...]] = []
    for name, (small, full, lr_only) in coordinate_models(matrix).items():
        if share := variance_share(values, small, full, lr_only):
            rows.append((name, *share, *counts, _explained_share(values, full, budgets)))
    return rows


def coordinate_models(matrix: SettingMatrix) -> dict[str, tuple[Floats, Floats, Floats]]:
    """Return the designs of the models for `variance_share`, by coordinate.

    Returns:
        The smaller model, a parabola in the coordinate beside the model of lr; the larger model, a
        quadratic surface; and the model of lr alone.
    """
    forms = coordinates(matrix.settings).map(np.log10)
    budgets = _budget_masks(matrix)
    x, y = np.log10(matrix.settings["lr"].to_numpy(float)), forms["wd"].to_numpy()
    full = _block_diagonal(budgets, [quadratic_design(x[b], y[b]) for b in budgets])
    # Columns 0, 1 and 3 of `quadratic_design` are 1, x and x².
    lr_only = _block_diagonal(
        budgets, [quadratic_design(x[b], y[b])[:, [0, 1, 3]] for b in budgets]
    )
    models = {}
    for name, column in forms.dropna(axis="columns").items():  # the number of steps may be unknown
        # Centred, so that u and u² are less correlated.
        u = column.to_numpy() - column.mean()
        models[str(name)] = (np.column_stack([lr_only, u, u * u]), full, lr_only)
    return models


def _budget_masks(matrix: SettingMatrix) -> list[Bools]:
    """Return which cells have each number of steps."""
    # Runs whose number of steps is unknown are taken as one budget.
    steps = matrix.settings["steps"].astype(float).fillna(0).to_numpy()
    return [steps == value for value in np.unique(steps)]


def in_fitted_basin(matrix: SettingMatrix, size: float) -> Bools:
    """Return the cells in the basin of their budget, where these determine a quadratic surface."""
    inside = np.zeros(len(matrix.test), bool)
    for budget in _budget_masks(matrix):
        at_budget = matrix.where(budget)
        near = basin(at_budget, size)
        axes = np.log10(at_budget.settings.loc[near, ["lr", "wd"]].to_numpy(float)).T
        inside[budget] = near & (np.linalg.matrix_rank(quadratic_design(*axes)) == 6)
    return inside


def _block_diagonal(budgets: list[Bools], designs: list[Floats]) -> Floats:
    """Return the designs of the budgets side by side, each 0 outside the cells of its budget."""
    blocks = []
    for budget, design in zip(budgets, designs, strict=True):
        block = np.zeros((len(budget), design.shape[1]))
        block[budget] = design
        blocks.append(block)
    return np.hstack(blocks)


def _explained_share(values: Floats, design: Floats, budgets: list[Bools]) -> float:
    """Return the share of the variance within budgets that a linear model explains."""
    mean = values.mean(axis=1)
    residuals = mean - design @ np.linalg.lstsq(design, mean, rcond=None)[0]
    total = sum(float(((mean[b] - mean[b].mean()) ** 2).sum()) for b in budgets)
    return 1 - float(residuals @ residuals) / total if total else float("nan")


def _best_coordinates(rows: pd.DataFrame) -> pd.Series[str]:
    """Return the coordinate with the largest share, by optimizer and size of the basin.

    Of coordinates that are equal up to a constant, it is the first one.
    """
    # Their shares differ by rounding errors.
    shares = rows.assign(estimate=rows["estimate"].round(6)).dropna(subset="estimate")
    largest = shares.groupby(["optimizer", "basin"], sort=False)["estimate"].idxmax()
    return shares.loc[largest].set_index(["optimizer", "basin"])["coordinate"]


def _headline(rows: pd.DataFrame) -> str:
    """Return the coordinate with the largest share for each optimizer."""
    if rows["estimate"].isna().all():
        return "Weight decay explains no variance."

    def best(rows: pd.DataFrame) -> str:
        coordinate = _best_coordinates(rows).groupby("optimizer", sort=False).first()
        parts = [
            f"{name} for {join_names(display_name(str(optimizer)) for optimizer in group)}"
            for name, group in coordinate.groupby(coordinate).groups.items()
        ]
        return f"Largest share: {', '.join(parts)}."

    known = rows.dropna(subset="estimate")
    return basin_headline(known, best, lambda group: _best_coordinates(group).nunique() > 1)


COORDINATE_COLLAPSE = Measure(
    "collapse",
    "Coordinates of weight decay",
    "The share of the variance explained by weight decay, in a quadratic surface over the basin, "
    "that one parabola in the coordinate explains, the same at every lr and budget. With a share "
    "of 1, the best value of the coordinate is the same at every lr and budget. The basin extends "
    "up to several shares of the distance from the best error to that before training.",
    collapse,
    _headline,
    BASIN_REQUIREMENT,
    column_headings(coordinate="coordinate", basin="basin", estimate=""),
    pivot="basin",
    order=80,
    possible_range=shares,
)
