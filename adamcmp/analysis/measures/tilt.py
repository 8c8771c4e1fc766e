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
    basin,
    fit_scale,
    log_axes,
    quadratic_design,
    surface_matrices,
)
from adamcmp.analysis.run_table import RunTable


def tilt(table: RunTable) -> pd.DataFrame:
    """Return the angle of the basin's long axis in the plane of log lr × log wd.

    The long axis is the direction of least curvature of a quadratic surface fitted to the basin's
    cells. 0° is along lr and 90° along wd: both are aligned with the axes. −45° is lr·wd constant.
    A round basin has no long axis, so its interval is wide.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> tilt(table)[["optimizer", "estimate", "ci_low", "ci_high", "cells"]].round(1)
      optimizer  estimate  ci_low  ci_high  cells
    0     adamw      64.8   -25.2    154.8      9
    1   adam_l2     -45.0   -49.3    -38.7     11

    Args:
        table: The runs.

    Returns:
        One row per problem and optimizer: problem, optimizer; estimate in degrees within
        (−90, 90]; ci_low, ci_high (Fieller's over seeds; they may be beyond ±90°, since −100° is
        the same axis as 80°; 180° wide where any axis is possible), n (seeds); cells.
    """
    rows = []
    for matrix in surface_matrices(table):
        matrix = matrix.where(basin(matrix))
        design = quadratic_design(*log_axes(matrix))
        if np.linalg.matrix_rank(design) < design.shape[1]:
            continue
        beta = np.linalg.lstsq(design, fit_scale(matrix, matrix.test), rcond=None)[0]
        # Hessian (2a, c; c, 2b) of a·x² + b·y² + c·x·y. Axes θ and θ + 180° are the same, so the
        # mean is taken over vectors of angle 2θ.
        vectors = np.stack([2 * (beta[4] - beta[3]), -2 * beta[5]])
        angles = np.rad2deg(direction(vectors)) / 2
        counts = (len(matrix.seeds), len(matrix.test))
        rows.append((matrix.problem, matrix.optimizer, *angles, *counts))
    return pd.DataFrame(rows, columns=[*GROUP, *ESTIMATE_COLUMNS, "cells"])


def _headline(rows: pd.DataFrame) -> str:
    angles = span(rows.set_index("optimizer")["estimate"], ".0f")
    return f"Angle of the long axis in degrees: {angles}. Along lr·wd constant: −45."


TILT = Measure(
    "tilt",
    "Tilt of the basin",
    "The angle of the long axis of the basin of good cells in the plane of log lr × log wd. "
    "0° is along lr, 90° along wd, −45° along lr·wd constant. Intervals over seeds (Fieller's); a "
    "round basin has no long axis, so its interval is wide.",
    tilt,
    _headline,
    BASIN_REQUIREMENT,
    column_headings(estimate="angle (°)", n="seeds", cells="cells"),
    order=70,
)
