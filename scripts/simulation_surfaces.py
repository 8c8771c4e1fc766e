"""Coverage of the intervals of shares of a surface, on surfaces of the reference study."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from adamcmp.analysis import RunTable
from adamcmp.analysis.measures.coordinate_collapse import coordinate_models, in_fitted_basin
from adamcmp.analysis.measures.separability import additive_models
from adamcmp.analysis.measures.surface import BASINS, surface_matrices
from adamcmp.analysis.setting_matrix import SettingMatrix
from adamcmp.analysis.variance_share import variance_share
from adamcmp.analysis.wording import display_name
from adamcmp.storage import reader
from simulation_intervals import STUDY
from simulation_noise import Floats, markdown, percent

SEEDS = (3, 5, 10)
COORDINATES = ("wd", "lr·wd")
#: Shares within a step of the grid of tested shares of an end of the interval count as covered.
STEP = 1e-3

#: Test errors (cells, seeds), and the smaller, the larger and the base model.
Problem = tuple[Floats, Floats, Floats, Floats]


def reference_surfaces() -> dict[str, SettingMatrix]:
    """Return the surfaces of the reference study, by optimizer."""
    table = RunTable.from_frames(*reader.load(STUDY)[:2])
    return {matrix.optimizer: matrix for matrix in surface_matrices(table)}


def problems(surface: SettingMatrix) -> Iterator[tuple[str, float, Problem]]:
    """Yield each share's name, the size of the basin, and the values and models of its estimate."""
    for size in BASINS:
        inside, additive, full, _ = additive_models(surface, size)
        constant = np.ones((inside.sum(), 1))
        yield "additive", size, (surface.test[inside], additive, full, constant)
        cells = surface.where(in_fitted_basin(surface, size))
        for name, models in coordinate_models(cells).items() if len(cells.test) else ():
            if name in COORDINATES:
                yield name, size, (cells.test, *models)


def coverage(problem: Problem, seeds: int, studies: int) -> float:
    """Return how often the interval contains the share of the observed means.

    In simulated studies, each cell has its observed mean and standard deviation over seeds. NaN if
    the share is not defined.
    """
    observed, *models = problem
    mean, sd = observed.mean(axis=1, keepdims=True), observed.std(axis=1, ddof=1, keepdims=True)
    # With one seed, the share is that of the values themselves.
    truth = variance_share(mean, *models)
    if truth is None:
        return float("nan")
    noise = np.random.default_rng(0).standard_normal((studies, len(mean), seeds))
    shares = [variance_share(mean + sd * noise[study], *models) for study in range(studies)]
    _, low, high = np.array(shares).T
    return float(np.mean((low <= truth[0] + STEP) & (truth[0] - STEP <= high)))


def coverage_of_shares(studies: int) -> str:
    """Return a table of the lowest and the highest coverage over sizes of the basin, in percent."""
    rows = [
        {"optimizer": display_name(name), "share of": share}
        | {f"{seeds} seeds": coverage(problem, seeds, studies) for seeds in SEEDS}
        for name, surface in reference_surfaces().items()
        for share, _, problem in problems(surface)
    ]
    by_share = pd.DataFrame(rows).groupby(["optimizer", "share of"], sort=False)
    extremes = by_share.agg(lambda c: f"{percent(c.min())} to {percent(c.max())}")
    return markdown(extremes.reset_index().to_dict("records"))
