"""The error over lr × weight decay: the surface, how separable the two are, the basin's tilt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.intervals import ESTIMATES, averaged, direction
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM, measure_of, ranked
from adamcmp.analysis.setting_matrix import SettingMatrix, at_best, cells, choosable, compared
from adamcmp.analysis.shares import share

#: How far up from the best towards a useless run the basin reaches.
BASIN = 0.1

_KEYS = [*PROBLEM, "optimizer"]


@accepts_table
def surface(runs: pd.DataFrame) -> pd.DataFrame:
    """Return each optimizer's test measure over lr × wd.

    Other settings that were varied are held at those of the optimizer's best setting.
    SettingMatrix are
    over the seeds that most of them have, so that a winner's fresh seeds do not tell.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per problem, optimizer, lr and wd. Columns: problem, optimizer, lr, wd; estimate,
        ci_low, ci_high, n: test error (regression: loss) over the seeds that ended, NaN where
        none did; val: the same on validation; diverged: how many of the seeds did; rank: the cell's
        place on validation, from 0, as in `ranked`, NaN without validation.
    """
    keys = [*_KEYS, "lr", "wd"]
    runs = at_best(runs).dropna(subset=["lr", "wd"])
    if runs.empty:
        return pd.DataFrame(columns=[*keys, *ESTIMATES, "val", "diverged", "rank"])
    places = ranked(choosable(runs)).drop_duplicates(keys).set_index(keys)["rank"]
    loss = runs["problem"].map({p: measure_of(g) for p, g in runs.groupby(*PROBLEM)}) == "loss"
    runs = runs[compared(runs)]
    runs = runs.assign(
        value=runs["test_error"].where(~loss, runs["test_loss"]).astype(float),
        val=runs["val_error"].where(~loss, runs["val_loss"]).astype(float),
        diverged=runs["status"] == "diverged",
    )
    table = averaged(runs, keys)
    found = runs.groupby(keys, sort=False).agg(val=("val", "mean"), diverged=("diverged", "sum"))
    table = table.join(found, on=keys).sort_values(keys, ignore_index=True)
    return table.join(places, on=keys)


def basin(own: SettingMatrix) -> NDArray[np.bool_]:
    """Return which cells lie in the basin: near the best on validation.

    Near is within `BASIN` of the way from the best mean to what a diverged run is charged, about
    chance. Losses go as logarithms.
    """
    means = scored(own, own.val).mean(axis=1)
    worst = np.log10(own.worst) if own.measure == "loss" else own.worst
    inside: NDArray[np.bool_] = means <= means.min() + BASIN * (worst - means.min())
    return inside


def scored(own: SettingMatrix, values: Floats) -> Floats:
    """Return values on the scale on which surfaces are fitted: errors, logarithms of losses."""
    return np.log10(np.maximum(values, 1e-12)) if own.measure == "loss" else values


def slices(runs: pd.DataFrame) -> Iterator[SettingMatrix]:
    """Yield the cells with a wd above 0 of each optimizer that varied both lr and wd."""
    for own in cells(at_best(runs)):
        own = own.take((own.settings["wd"] > 0).to_numpy(bool))
        if own.settings["lr"].nunique() > 1 and own.settings["wd"].nunique() > 1:
            yield own


@accepts_table
def separability(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the share of the surface's variance near the optimum that an additive model explains.

    The additive model is f(lr) + g(wd): with it the best wd is the same at every lr. It is fitted
    to the test error (regression: logarithm of the loss) of the cells in the smallest rectangle of
    the grid around the basin, which validation chose. A rectangle, since a narrow diagonal basin by
    itself has no rows to compare; and so small a basin that the corners of an additive one stay
    below what diverged runs are charged. Diverged runs are charged, not left out; cells with
    wd = 0 have no place on a log axis and are left out. On a grid f and g are free at each value;
    on scattered settings (a search) they are parabolas, and the share is that of a full quadratic.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per problem and optimizer: problem, optimizer; estimate (1: separable), ci_low,
        ci_high, n (seeds); cells, diverged (runs in them that did); model, ``grid`` or
        ``quadratic``. Optimizers with too few cells have no row; a basin as flat
        as its noise has NaN.

    Source: the noise is taken off as in `shares`; the claim is that of Loshchilov & Hutter 2019.
    """
    found = []
    for own in slices(runs):
        inside, small, large, model = _models(own)
        own = own.take(inside)
        estimate = share(scored(own, own.test), small, large)
        if estimate:
            more = (len(own.test), int(own.diverged.sum()), model)
            found.append((own.problem, own.optimizer, *estimate, len(own.seeds), *more))
    return pd.DataFrame(found, columns=[*_KEYS, *ESTIMATES, "cells", "diverged", "model"])


@accepts_table
def additive_surface(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the additive model of `separability`, fitted: for contours over a heatmap.

    Returns:
        A row per problem, optimizer and cell near the optimum: problem, optimizer, lr, wd; fitted,
        in units of the test error (regression: loss); value, what was fitted (diverged charged).
    """
    columns = [*_KEYS, "lr", "wd", "fitted", "value"]
    found = [pd.DataFrame(columns=columns)]
    for own in slices(runs):
        inside, small, _, _ = _models(own)
        own = own.take(inside)
        values = scored(own, own.test).mean(axis=1)
        fitted = small @ np.linalg.lstsq(small, values, rcond=None)[0]
        if own.measure == "loss":
            values, fitted = 10**values, 10**fitted
        labels = {"problem": own.problem, "optimizer": own.optimizer}
        axes = own.settings[["lr", "wd"]].astype(float)
        found.append(axes.assign(**labels, fitted=fitted, value=values)[columns])
    return pd.concat(found[1:] or found, ignore_index=True)


@accepts_table
def tilt(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the tilt of the basin's long axis: its angle in the plane of log lr × log wd.

    The axis is the direction of least curvature of a quadratic surface fitted to the basin's
    cells. 0° runs along lr, 90° along wd: both are aligned with the axes. −45° is lr·wd constant.
    Where the basin is round the interval is wide: a circle has no long axis.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per problem and optimizer: problem, optimizer; estimate in degrees within (−90, 90],
        ci_low, ci_high (Fieller's over seeds; they may lie beyond ±90°, since −100° is 80°; all
        180° wide where any axis will do), n (seeds); cells.
    """
    found = []
    for own in slices(runs):
        own = own.take(basin(own))
        design = quadratic(*_logs(own))
        if np.linalg.matrix_rank(design) < design.shape[1]:
            continue
        beta = np.linalg.lstsq(design, scored(own, own.test), rcond=None)[0]
        # Hessian (2a, c; c, 2b) of a·x² + b·y² + c·x·y; an axis doubles its angle to be a vector
        vectors = np.stack([2 * (beta[4] - beta[3]), -2 * beta[5]])
        angles = np.rad2deg(direction(vectors)) / 2
        found.append((own.problem, own.optimizer, *angles, len(own.seeds), len(own.test)))
    return pd.DataFrame(found, columns=[*_KEYS, *ESTIMATES, "cells"])


def quadratic(x: Floats, y: Floats) -> Floats:
    """Return the design of a quadratic surface: 1, x, y, x², y², xy; x and y about their means."""
    x, y = x - x.mean(), y - y.mean()
    return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=1)


def _logs(own: SettingMatrix) -> tuple[Floats, Floats]:
    x, y = (np.log10(own.settings[axis].to_numpy(float)) for axis in ("lr", "wd"))
    return x, y


def _models(own: SettingMatrix) -> tuple[NDArray[np.bool_], Floats, Floats, str]:
    """Return the cells to fit, the additive and the full design for them, and the models' name."""
    x, y = _logs(own)
    good = basin(own)
    if len(own.test) < _possible(x, y) / 2:
        full = quadratic(x[good], y[good])
        return good, full[:, :5], full, "quadratic"
    inside = _within(x, good) & _within(y, good)
    rows, columns = _levels(x[inside]), _levels(y[inside])
    return inside, np.hstack([rows, columns]), np.eye(int(inside.sum())), "grid"


def _possible(x: Floats, y: Floats) -> int:
    return len(np.unique(x)) * len(np.unique(y))


def _within(values: Floats, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (values >= values[good].min()) & (values <= values[good].max())
    return inside


def _levels(values: Floats) -> Floats:
    levels: Floats = (values[:, None] == np.unique(values)).astype(float)
    return levels
