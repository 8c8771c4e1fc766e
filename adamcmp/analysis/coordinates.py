"""Coordinate collapse: beside lr, in which form of weight decay do the best cells line up?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.intervals import ESTIMATES
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM
from adamcmp.analysis.setting_matrix import BUDGET, SettingMatrix, at_best, cells
from adamcmp.analysis.shares import share
from adamcmp.analysis.surfaces import basin, quadratic, scored

#: Couplings whose decay per step is wd itself, not lr·wd.
_WITHOUT_LR = ("independent", "fixed")
Bools = NDArray[np.bool_]
_KEYS = [*PROBLEM, "optimizer"]


def coordinates(runs: pd.DataFrame) -> pd.DataFrame:
    """Return weight decay in the forms in which it is written.

    Args:
        runs: Columns lr, wd, steps, coupling, and ``optimizer.normalized``, whether wd holds
            wd_norm, where there is one.

    Returns:
        With the index of `runs`, columns: ``wd``, as the update takes it; ``lr·wd``; ``wd_norm`` =
        wd·√steps, which is wd / √(b/(B·T)) (Loshchilov & Hutter 2019, appendix B.1); ``time
        scale`` = 1 / (decay per step · steps), the time over which weights average updates, in
        lengths of the run (Wang & Aitchison 2024, arXiv 2405.13698). The decay per step is lr·wd,
        and wd for couplings that leave lr out. Without decay it is infinite.
    """
    lr, wd, steps = (runs[c].astype(float) for c in ("lr", "wd", "steps"))
    normalized = runs.get("optimizer.normalized", pd.Series(False, runs.index)).eq(True)
    wd = wd.where(~normalized, wd / steps**0.5)
    decay = wd.where(runs["coupling"].isin(_WITHOUT_LR), lr * wd)
    columns = {"wd": wd, "lr·wd": lr * wd, "wd_norm": wd * steps**0.5}
    return pd.DataFrame({**columns, "time scale": 1 / (decay * steps)})


@accepts_table
def collapse(runs: pd.DataFrame) -> pd.DataFrame:
    """Return how well the surfaces over lr collapse to one curve over each form of weight decay.

    Within each budget's basin a quadratic surface is fitted to the test error (regression:
    logarithm of the loss) over log lr × log wd. Of the variance that weight decay accounts for in
    it, beyond what lr accounts for at each budget, the number is the share that one parabola in a
    coordinate, the same at every lr and budget, accounts for: 1 where the best cells line up.

    At one budget ``wd`` and ``wd_norm`` are the same up to a constant, and so are ``lr·wd`` and
    ``time scale`` (with couplings that leave lr out, ``wd`` and ``time scale``): only budgets that
    differ tell them apart. SettingMatrix with wd = 0 have no logarithm and are left out.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per problem, optimizer and coordinate: problem, optimizer, coordinate (a column of
        `coordinates`); estimate, ci_low, ci_high, n (seeds); cells; budgets; fit, the share of the
        variance within budgets that the quadratic surfaces describe, noise in it.
    """
    found = []
    for own in cells(at_best(runs, ("lr", "wd", *BUDGET))):
        own = own.take((own.settings["wd"] > 0).to_numpy(bool))
        if own.settings["lr"].nunique() < 2 or own.settings["wd"].nunique() < 2:
            continue
        own = own.take(_basins(own))
        if not len(own.test):
            continue
        values = scored(own, own.test)
        forms = coordinates(own.settings).map(np.log10)
        budgets = _budgets(own)
        x, y = np.log10(own.settings["lr"].to_numpy(float)), forms["wd"].to_numpy()
        full = _blocks(budgets, [quadratic(x[b], y[b]) for b in budgets])
        base = _blocks(budgets, [quadratic(x[b], y[b])[:, [0, 1, 3]] for b in budgets])
        for name, column in forms.dropna(axis="columns").items():  # steps may be unknown
            u = column.to_numpy() - column.mean()
            estimate = share(values, np.column_stack([base, u, u * u]), full, base)
            if estimate:
                more = (len(values), len(budgets), _fit(values, full, budgets))
                labels = (own.problem, own.optimizer, name)
                found.append((*labels, *estimate, len(own.seeds), *more))
    more_columns = ["cells", "budgets", "fit"]
    return pd.DataFrame(found, columns=[*_KEYS, "coordinate", *ESTIMATES, *more_columns])


def _budgets(own: SettingMatrix) -> list[Bools]:
    """Return which cells have each number of steps."""
    steps = own.settings["steps"].astype(float).fillna(0).to_numpy()
    return [steps == value for value in np.unique(steps)]


def _basins(own: SettingMatrix) -> Bools:
    """Return the cells in their budget's basin, where those can tell a quadratic surface."""
    inside = np.zeros(len(own.test), bool)
    for budget in _budgets(own):
        some = own.take(budget)
        near = basin(some)
        axes = np.log10(some.settings.loc[near, ["lr", "wd"]].to_numpy(float)).T
        inside[budget] = near & (np.linalg.matrix_rank(quadratic(*axes)) == 6)
    return inside


def _blocks(budgets: list[Bools], designs: list[Floats]) -> Floats:
    """Return designs of their own cells, side by side, 0 elsewhere."""
    blocks = []
    for budget, design in zip(budgets, designs, strict=True):
        block = np.zeros((len(budget), design.shape[1]))
        block[budget] = design
        blocks.append(block)
    return np.hstack(blocks)


def _fit(values: Floats, full: Floats, budgets: list[Bools]) -> float:
    mean = values.mean(axis=1)
    left = mean - full @ np.linalg.lstsq(full, mean, rcond=None)[0]
    total = sum(float(((mean[b] - mean[b].mean()) ** 2).sum()) for b in budgets)
    return 1 - float(left @ left) / total if total else float("nan")
