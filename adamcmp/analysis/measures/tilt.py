"""Tilt: the direction of the basin of good settings in the plane of log lr × log wd."""

from __future__ import annotations

import numpy as np
import pandas as pd

from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS
from adamcmp.analysis.headlines import span
from adamcmp.analysis.intervals import direction
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure, column_headings
from adamcmp.analysis.measures.surface import (
    BASIN_REQUIREMENT,
    BASINS,
    basin,
    basin_headline,
    fit_scale,
    intervals_are_disjoint,
    log_axes,
    quadratic_design,
    surface_matrices,
)
from adamcmp.analysis.run_table import RunTable


def tilt(table: RunTable) -> pd.DataFrame:
    """Return the angle of the basin's long axis in the plane of log lr × log wd.

    The long axis is the direction of least curvature of a quadratic surface fitted to the basin's
    cells, for several sizes of the basin. 0° is along lr and 90° along wd: both are aligned with
    the axes. −45° is lr·wd constant. A round basin has no long axis, so its interval is wide.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> angles = tilt(table)
    >>> angles.loc[angles["optimizer"] == "adam_l2", ["basin", "estimate", "cells"]].round(2)
       basin  estimate  cells
    0   0.05     -45.0      7
    1   0.10     -45.0     11
    2   0.15     -45.0     13
    3   0.20     -45.0     16

    Args:
        table: The runs.

    Returns:
        One row per problem, optimizer and size of the basin: problem, optimizer, basin (one of
        `BASINS`); estimate in degrees within (−90, 90]; ci_low, ci_high (Fieller's over seeds; they
        may be beyond ±90°, since −100° is the same axis as 80°; 180° wide where any axis is
        possible), n (seeds); cells.
    """
    rows = []
    for matrix in surface_matrices(table):
        for size in BASINS:
            cells = matrix.where(basin(matrix, size))
            design = quadratic_design(*log_axes(cells))
            if np.linalg.matrix_rank(design) < design.shape[1]:
                continue
            beta = np.linalg.lstsq(design, fit_scale(cells, cells.test), rcond=None)[0]
            # Hessian (2a, c; c, 2b) of a·x² + b·y² + c·x·y. Axes θ and θ + 180° are the same, so
            # the mean is taken over vectors of angle 2θ.
            vectors = np.stack([2 * (beta[4] - beta[3]), -2 * beta[5]])
            angles = np.rad2deg(direction(vectors)) / 2
            counts = (len(cells.seeds), len(cells.test))
            rows.append((cells.problem, cells.optimizer, size, *angles, *counts))
    return pd.DataFrame(rows, columns=[*GROUP, "basin", *ESTIMATE_COLUMNS, "cells"])


def _axes_are_disjoint(rows: pd.DataFrame) -> bool:
    """Return whether an optimizer's intervals at two sizes of the basin have no common axis."""
    ends = rows[["estimate", "ci_low", "ci_high"]]
    # The axis of an angle is that of the angle plus 180°: take the one closest to the first.
    turns = ((ends["estimate"].iloc[0] - ends["estimate"]) / 180).round()
    return intervals_are_disjoint(ends.add(180 * turns, axis="index"))


def _headline(rows: pd.DataFrame) -> str:
    def angles(rows: pd.DataFrame) -> str:
        estimates = span(rows.set_index("optimizer")["estimate"], ".0f")
        return f"Angle of the long axis in degrees: {estimates}. Along lr·wd constant: −45."

    return basin_headline(rows, angles, _axes_are_disjoint)


TILT = Measure(
    "tilt",
    "Tilt of the basin",
    "The angle of the long axis of the basin of good cells in the plane of log lr × log wd. "
    "0° is along lr, 90° along wd, −45° along lr·wd constant. Intervals over seeds (Fieller's); a "
    "round basin has no long axis, so its interval is wide. The basin extends up to several shares "
    "of the distance from the best error to that before training.",
    tilt,
    _headline,
    BASIN_REQUIREMENT,
    column_headings(basin="basin", estimate=""),
    pivot="basin",
    order=70,
    possible_range=lambda rows: (-90.0, 90.0),
)
