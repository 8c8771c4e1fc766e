"""Each optimizer's settings on a problem as arrays over settings × seeds; what divergence costs.

A diverged run is a result, and a bad one: leaving it out would flatter an optimizer for every
setting at which it breaks. It is *charged* the worst value among the problem's runs that ended,
of any optimizer, and for an error at least `CHARGE`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.run_table import accepts_table
from adamcmp.analysis.selection import PROBLEM, chosen, measure_of, setting_columns

#: The least error that a diverged run is charged: what guessing between two classes makes. Guessing
#: among more makes more errors, but runs do not know how many classes there are.
CHARGE = 0.5
#: Settings that change what a run costs.
BUDGET = ("epochs", "steps")


@dataclass(frozen=True)
class SettingMatrix:
    """An optimizer's settings on a problem, over the seeds that they share.

    Attributes:
        problem: The problem's label.
        optimizer: The variant's label.
        measure: ``error`` or ``loss``.
        settings: A row per setting, with all columns of one of its runs.
        seeds: The seeds, ascending.
        val: Validation measure, settings × seeds; diverged runs charged.
        test: The same on test.
        diverged: Which runs diverged.
        worst: What a diverged run is charged on validation.
    """

    problem: str
    optimizer: str
    measure: str
    settings: pd.DataFrame
    seeds: Sequence[int]
    val: Floats
    test: Floats
    diverged: NDArray[np.bool_]
    worst: float

    @property
    def order(self) -> NDArray[np.intp]:
        """The settings, best first: by their mean on validation, diverged ones after all others."""
        return np.lexsort((self.val.mean(axis=1), self.diverged.mean(axis=1)))

    @property
    def best(self) -> int:
        """The setting chosen."""
        return int(self.order[0])

    def over(self, seeds: NDArray[np.intp]) -> SettingMatrix:
        """Return the same settings over some of the seeds, given by their places."""
        return SettingMatrix(
            *(self.problem, self.optimizer, self.measure, self.settings),
            *([self.seeds[i] for i in seeds], self.val[:, seeds], self.test[:, seeds]),
            *(self.diverged[:, seeds], self.worst),
        )

    def take(self, keep: NDArray[np.bool_]) -> SettingMatrix:
        """Return some of the settings."""
        return SettingMatrix(
            *(self.problem, self.optimizer, self.measure, self.settings.loc[keep], self.seeds),
            *(self.val[keep], self.test[keep], self.diverged[keep], self.worst),
        )


def charge(runs: pd.DataFrame, metric: str) -> float:
    """Return what a diverged run of a problem is charged.

    Args:
        runs: Of one problem.
        metric: ``val_error``, ``test_error``, ``val_loss`` or ``test_loss``.
    """
    worst = float(runs.loc[runs["status"] == "done", metric].max())
    return float(np.fmax(worst, CHARGE)) if metric.endswith("error") else worst


def charged(runs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return runs of one problem with ``val_`` and ``test_`` of a measure charged where diverged.

    Args:
        runs: Of one problem.
        measure: ``error`` or ``loss``.
    """
    diverged = runs["status"] == "diverged"
    metrics = (f"val_{measure}", f"test_{measure}")
    return runs.assign(**{m: runs[m].mask(diverged, charge(runs, m)) for m in metrics})


def at_best(runs: pd.DataFrame, free: Sequence[str] = ("lr", "wd")) -> pd.DataFrame:
    """Return the runs whose settings other than `free` are those of the optimizer's best setting.

    Runs that failed are left out, and so are optimizers that would have to choose these settings
    without a validation split.
    """
    others = [c for c in setting_columns(runs) if c not in free] if len(runs) else []
    known = choosable(runs) if others else runs
    if others and len(known):
        keys = [*PROBLEM, "optimizer"]
        best = chosen(known).drop_duplicates(keys)
        kept = known[others].map(str).assign(**{k: known[k] for k in keys})
        wanted = best[others].map(str).assign(**{k: best[k] for k in keys})
        matched = kept.merge(wanted, how="left", indicator=True)["_merge"] == "both"
        known = known[matched.to_numpy()]
    return known[known["status"] != "failed"]


def choosable(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of optimizers between whose settings can be chosen.

    Those have a validation measure, or one setting alone, or no run that ended.
    """
    if runs.empty:
        return runs
    settings = runs[setting_columns(runs)].map(str).agg(" ".join, axis=1)
    groups = [runs[k] for k in (*PROBLEM, "optimizer")]
    seen = runs["val_error"].notna() | runs["val_loss"].notna()
    alone = settings.groupby(groups).transform("nunique") == 1
    ended = (runs["status"] == "done").groupby(groups).transform("any")
    return runs[seen.groupby(groups).transform("any") | alone | ~ended]


def cells(runs: pd.DataFrame) -> Iterator[SettingMatrix]:
    """Yield each optimizer's settings on each problem, over the seeds that most settings have.

    Seeds of a second stage, which only winners have, are left out, and so are settings that lack
    one of the others. Nothing is yielded where several settings have no validation measure, or no
    run ended.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.
    """
    runs = runs[runs["status"] != "failed"]
    if runs.empty:
        return
    columns = setting_columns(runs)
    for problem, group in runs.groupby(*PROBLEM, sort=False):
        measure = measure_of(group)
        worst = charge(group, f"val_{measure}")
        for optimizer, own in charged(group, measure).groupby("optimizer", sort=False):
            labels = (str(problem), str(optimizer), measure)
            found = _cells(labels, own, columns, worst)
            choice = len(found.val) == 1 or np.isfinite(found.val).all()
            if len(found.val) and choice and np.isfinite(found.test).all():
                yield found


def _cells(
    labels: tuple[str, str, str], own: pd.DataFrame, columns: Sequence[str], worst: float
) -> SettingMatrix:
    own = own[of_first_stage(own["seed"])]
    rows = own.groupby([own[c].map(str) for c in columns], sort=False).ngroup().to_numpy()
    places, seeds = pd.factorize(own["seed"], sort=True)
    shape = (rows.max() + 1, len(seeds))
    count = np.zeros(shape)
    np.add.at(count, (rows, places), 1)
    full = np.asarray(count.all(axis=1), bool)
    first = own.iloc[np.unique(rows, return_index=True)[1]]

    def array(values: pd.Series) -> Floats:
        filled = np.full(shape, np.nan)
        filled[rows, places] = values.to_numpy(float)
        complete: Floats = filled[full]
        return complete

    val, test = (own[f"{split}_{labels[-1]}"] for split in ("val", "test"))
    diverged = own["status"] == "diverged"
    settings = first[full].reset_index(drop=True)
    arrays = (array(val), array(test), array(diverged) == 1)
    return SettingMatrix(*labels, settings, list(seeds), *arrays, worst)


@accepts_table
def compared(runs: pd.DataFrame) -> pd.Series:
    """Return which runs count where cells of lr × wd are compared: seeds that most settings have.

    A winner's further seeds would make its cell's mean one of other seeds than its neighbours'. A
    cell that has none of the seeds that most have counts with its own.

    Args:
        runs: Rows of `runs` with the columns of `labelled`.
    """
    keys = [*PROBLEM, "optimizer"]
    first = runs.groupby(keys)["seed"].transform(of_first_stage).astype(bool)
    cell = [runs[c] for c in (*keys, "lr", "wd")]
    return first | ~first.groupby(cell).transform("any")


def of_first_stage(seeds: pd.Series) -> pd.Series:
    """Return which rows have a seed that most settings have: not those of winners alone."""
    counts = seeds.map(seeds.value_counts())
    return counts * 2 > counts.max()
