"""How much an optimizer suffers where it is not tuned: good settings, widths, the frontier."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.intervals import ESTIMATES, averaged, jackknife
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM
from adamcmp.analysis.setting_matrix import SettingMatrix, at_best, cells, of_first_stage

#: How near the best a good setting is, relative to it.
NEAR = 0.05
#: A run trains when it goes this share of the way from the loss it starts from to the lowest.
TRAINS = 0.5
_KEYS = [*PROBLEM, "optimizer"]
_AT_WD = [*_KEYS, "wd"]


@accepts_table
def sensitivity(runs: pd.DataFrame) -> pd.DataFrame:
    """Return how wide each optimizer's good region is.

    Values are means over seeds. The best setting is chosen on validation; good is a test error
    (regression: loss) at most 5 % above its. A *profile* over an axis takes, at each of its values,
    the setting that validation chooses there. Diverged runs are charged
    (`adamcmp.analysis.setting_matrix`).
    Measures:

    - ``good share``: share of all settings that are good.
    - ``lr decades``: the length of log10 lr over which the profile is good, linear between lr.
    - ``wd decades``: the same over wd > 0.
    - ``lr sensitivity``: mean of profile − best over the range of log lr (Wortsman et al. 2023,
      arXiv 2309.14322, there for the loss): compare it between equal numbers of decades alone.

    The last three need an axis of several values, each shared by several settings or the only
    thing that was varied: not a search. Intervals are the jackknife's over seeds, cut to what is
    possible.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per problem, optimizer and measure: problem, optimizer, measure; estimate, ci_low,
        ci_high, n (seeds); at_edge: the good region reaches an end of the axis, so it may go on;
        decades: of the axis that was tried.
    """
    found: list[tuple[str, str, str, *_Row]] = []
    for own in cells(runs):
        if len(own.test) > 1:
            share = _over_seeds(_good_share, own, 1.0)
            found.append((own.problem, own.optimizer, "good share", *share, False, np.nan))
    for own in cells(at_best(runs)):
        for axis in ("lr", "wd"):
            grid = own.take((own.settings[axis] > 0).to_numpy(bool))
            for measure, row in _along(grid, axis) if _has_profile(grid, axis) else ():
                found.append((own.problem, own.optimizer, measure, *row))
    return pd.DataFrame(found, columns=[*_KEYS, "measure", *ESTIMATES, "at_edge", "decades"])


_Row = tuple[float, float, float, int, bool, float]


def _along(own: SettingMatrix, axis: str) -> list[tuple[str, _Row]]:
    places, above = _above(own, axis)
    decades = float(np.ptp(places))
    ends = (bool(above[0] <= 0 or above[-1] <= 0), decades)
    width = _over_seeds(partial(_decades, axis=axis), own, decades)
    rows: list[tuple[str, _Row]] = [(f"{axis} decades", (*width, *ends))]
    if axis == "lr":
        rows.append(("lr sensitivity", (*_over_seeds(_lr_sensitivity, own, np.inf), *ends)))
    return rows


def _over_seeds(
    measure: Callable[[SettingMatrix], float], own: SettingMatrix, most: float
) -> tuple[float, float, float, int]:
    """Return a measure between 0 and `most` with its interval and the number of seeds."""
    n = len(own.seeds)
    estimate, low, high = jackknife(lambda kept: measure(own.over(kept)), n)
    low, high = np.clip([low, high], min(estimate, 0.0), most)
    return estimate, float(low), float(high), n


def _good_share(own: SettingMatrix) -> float:
    test = own.test.mean(axis=1)
    return float((test <= (1 + NEAR) * test[own.best]).mean())


def _has_profile(own: SettingMatrix, axis: str) -> bool:
    values = own.settings[axis].nunique()
    other = "wd" if axis == "lr" else "lr"
    return bool(values > 1 and (values < len(own.test) or own.settings[other].nunique() == 1))


def _profile(own: SettingMatrix, axis: str) -> tuple[Floats, Floats]:
    """Return log10 of an axis's values, and the test mean of the setting chosen at each."""
    column = own.settings[axis].to_numpy(float)[own.order]
    values, best = np.unique(column, return_index=True)
    return np.log10(values), own.test.mean(axis=1)[own.order][best]


def _above(own: SettingMatrix, axis: str) -> tuple[Floats, Floats]:
    """Return log10 of an axis's values, and how far the profile is above what is good."""
    places, profile = _profile(own, axis)
    return places, profile - (1 + NEAR) * own.test[own.best].mean()


def _decades(own: SettingMatrix, axis: str) -> float:
    places, above = _above(own, axis)
    low, high = np.minimum(above[:-1], above[1:]), np.maximum(above[:-1], above[1:])
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(high <= 0, 1.0, np.clip(-low / (high - low), 0, 1))
    return float(np.diff(places) @ np.where(low > 0, 0.0, part))


def _lr_sensitivity(own: SettingMatrix) -> float:
    places, profile = _profile(own, "lr")
    lost = trapezoid(profile - own.test[own.best].mean(), places)
    return float(lost / np.ptp(places))


@accepts_table
def stability_frontier(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the largest lr that still trains at each wd.

    A run trains when it did not diverge and its final training loss is at least half way from the
    one it started from to the lowest of all runs: less is little better than guessing. So at an lr
    below the frontier a run may not train either: one that is too small for the budget. Other
    settings that were varied are held at those of the optimizer's best.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.
        metrics: Rows of `metrics`; a run without any trains when it did not diverge.

    Returns:
        A row per problem, optimizer and wd where any run trains and several lr were tried: problem,
        optimizer, wd; estimate, ci_low, ci_high: geometric mean over seeds of each seed's largest
        lr, with the interval of the mean of its logarithm (Student's t, from five seeds on
        corrected for skewness), cut to the lr that were tried; NaN where seeds agree: the grid's
        spacing is what is left; n (seeds that train); all_seeds: the largest lr at which every seed
        trains, NaN where there is none; beyond: the next lr that was tried above it, NaN on the
        grid's edge.
    """
    runs = _at_several_lr(runs, metrics)
    if runs.empty:
        return pd.DataFrame(columns=[*_AT_WD, *ESTIMATES, "all_seeds", "beyond"])
    reached = runs[runs["trains"]].groupby([*_AT_WD, "seed"])["lr"].max().map(np.log10)
    table = averaged(reached.reset_index(name="value"), _AT_WD)
    tried = table[_AT_WD].join(runs.groupby(_AT_WD)["lr"].agg(["min", "max"]), on=_AT_WD)
    for end in ("estimate", "ci_low", "ci_high"):
        table[end] = (10 ** table[end].astype(float)).clip(tried["min"], tried["max"])
    every = _where_all_train(runs)
    sound = every[every["trains"]].groupby(_AT_WD)["lr"].max().rename("all_seeds")
    table = table.join(sound, on=_AT_WD)
    above = every.merge(table[[*_AT_WD, "all_seeds"]], on=_AT_WD)
    above = above[(above["lr"] > above["all_seeds"]) | above["all_seeds"].isna()]
    return table.join(above.groupby(_AT_WD)["lr"].min().rename("beyond"), on=_AT_WD)


@accepts_table
def cells_that_train(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return whether every seed trains at each lr and wd, as `stability_frontier` judges it.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.
        metrics: Rows of `metrics`.

    Returns:
        A row per cell where several lr were tried: problem, optimizer, wd, lr, trains.
    """
    return _where_all_train(_at_several_lr(runs, metrics))


def _where_all_train(runs: pd.DataFrame) -> pd.DataFrame:
    return runs.groupby([*_AT_WD, "lr"])["trains"].all().reset_index()


def _at_several_lr(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the first stage's runs at wd that have several lr, with column ``trains``."""
    runs = at_best(runs)
    stage = runs.groupby(_KEYS)["seed"].transform(lambda seeds: of_first_stage(seeds))
    runs = runs[stage.astype(bool)]
    runs = runs[runs.groupby(_AT_WD)["lr"].transform("nunique") > 1]
    return runs.assign(trains=_trains(runs, metrics))


def _trains(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.Series:
    starts = metrics.sort_values("step").drop_duplicates("run_id").set_index("run_id")["train_loss"]
    start = runs["run_id"].map(starts).astype(float)
    lowest = runs.groupby(PROBLEM)["train_loss"].transform("min")
    half = start - TRAINS * (start - lowest)
    return (runs["status"] == "done") & ((runs["train_loss"] <= half) | start.isna())
