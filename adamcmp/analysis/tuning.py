"""What tuning costs: the error that the best of k random trials is expected to have.

A *trial* is one run at a setting drawn at random, without replacement, from those of the study: the
grid's cells, or what a random search drew. The best of k trials is chosen on validation and
reported on test. Within a seed the expectation over all draws is exact.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from adamcmp.analysis.estimates import Floats, difference
from adamcmp.analysis.intervals import ESTIMATES, averaged
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM
from adamcmp.analysis.setting_matrix import cells

_KEYS = [*PROBLEM, "optimizer"]


def expected_best(val: Floats, test: Floats) -> Floats:
    """Return the expected test value of the best on validation of k settings, k = 1 … all.

    The i-th best of S settings is the best of k drawn without replacement with probability
    C(S − i, k − 1) / C(S, k): an unbiased estimate for k more draws from where these came from
    (Tang et al. 2020, "Showing Your Work Doesn't Always Work", arXiv 2004.13705), where drawing
    with replacement (Dodge et al. 2019, "Show Your Work", arXiv 1909.03004) is too pessimistic.
    Settings that tie on validation are chosen equally often.

    Args:
        val: Shape (settings,); lower is better.
        test: Shape (settings,).
    """
    ties = pd.Series(test).groupby(val).transform("mean").to_numpy()
    ordered = ties[np.argsort(val, kind="stable")]
    size = len(val)
    worse = np.arange(size, -1, -1.0)  # how many settings are worse than the i-th best, i = 0 …
    none = worse / size  # the probability that all of k draws are among them, k = 1
    expected = np.empty(size)
    for k in range(1, size + 1):
        expected[k - 1] = -np.diff(none) @ ordered
        if k < size:
            none *= np.maximum(worse - k, 0) / (size - k)
    return expected


def trials(runs: pd.DataFrame) -> pd.DataFrame:
    """Return each seed's tuning curve: columns problem, optimizer, seed, k, value.

    Diverged runs are trials too, and are charged (`adamcmp.analysis.setting_matrix`). Optimizers
    without a
    validation measure have no rows.
    """
    columns = [*_KEYS, "seed", "k", "value"]
    found = [pd.DataFrame(columns=columns)]
    for own in cells(runs):
        for place, seed in enumerate(own.seeds):
            values = expected_best(own.val[:, place], own.test[:, place])
            curve = pd.DataFrame({"k": np.arange(len(values)) + 1, "value": values})
            curve = curve.assign(problem=own.problem, optimizer=own.optimizer, seed=seed)
            found.append(curve[columns])
    return pd.concat(found[1:] or found, ignore_index=True)


@accepts_table
def tuning_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the expected test measure of the best of k random trials, per optimizer.

    The interval is over seeds: how the curve of these settings varies with the seed. It does not
    hold what another grid, or another draw of a search, would change.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per problem, optimizer and k from 1 to the number of settings: problem, optimizer, k;
        estimate, ci_low, ci_high, n (seeds).
    """
    return averaged(trials(runs), [*_KEYS, "k"])


@accepts_table
def overtakes(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the number of trials from which one optimizer is ahead of another to the end.

    The interval holds the budgets at which the paired difference of the two tuning curves is not
    different from 0: the test of "they cross here", inverted. It starts at 1 where the winner may
    have been ahead from the start, and ends at infinity where it may never be.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.

    Returns:
        A row per problem and pair with shared seeds and curves that differ: problem; optimizer,
        which is ahead at the largest k that both have; over, the other; estimate, the k from which
        it is (1: at every budget); ci_low, ci_high, n (seeds shared).
    """
    found = []
    for problem, curves in trials(runs).groupby(*PROBLEM, sort=False):
        tables = {
            str(name): own.pivot(index="k", columns="seed", values="value")
            for name, own in curves.groupby("optimizer", sort=False)
        }
        for a, b in combinations(tables, 2):
            apart = (tables[a] - tables[b]).dropna(axis=1, how="all").dropna().to_numpy()
            if apart.size and apart[-1].mean() != 0:
                ahead, over = (a, b) if apart[-1].mean() < 0 else (b, a)
                signed = apart if ahead == a else -apart
                found.append((problem, ahead, over, *_crossing(signed), signed.shape[1]))
    return pd.DataFrame(found, columns=[*_KEYS, "over", *ESTIMATES])


def _crossing(signed: Floats) -> tuple[float, float, float]:
    """Return the k from which differences, k × seeds, stay below 0, with its interval."""
    mean, low, high, *_ = difference(signed)
    behind = np.flatnonzero(mean >= 0)
    crossing = int(behind[-1]) + 2 if len(behind) else 1
    if np.isnan(low).all():
        return crossing, float("nan"), float("nan")
    level = np.flatnonzero((low <= 0) & (high >= 0)) + 1  # they may cross here, or before the next
    last = float("inf") if high[-1] >= 0 else max([crossing, *level + 1])
    return crossing, min([crossing, *level]), last
