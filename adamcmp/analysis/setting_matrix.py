"""Each optimizer's settings on a problem as arrays (settings, seeds), with divergence penalized.

Excluding diverged runs would favor optimizers that diverge. So the value of a diverged run is the
*divergence penalty*: the value before training. Runs of one seed have the same initial weights, so
optimizers with the same seeds have the same penalty, and no optimizer affects that of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.labels import GROUP, setting_texts
from adamcmp.analysis.metrics import reported_split
from adamcmp.analysis.run_table import RunTable

#: Minimum error of a diverged run: that of guessing between two classes.
MIN_PENALTY = 0.5
#: Settings that change the cost of a run.
BUDGET = ("epochs", "steps")


@dataclass(frozen=True)
class SettingMatrix:
    """The settings of an optimizer on a problem, over shared seeds.

    Attributes:
        problem: The problem's label.
        optimizer: The optimizer's label.
        measure: ``error`` or ``loss``.
        settings: One row per setting, with all columns of one of its runs.
        seeds: The seeds, ascending.
        val: Validation measure, shape (settings, seeds); diverged runs penalized.
        test: Test measure, in the same form; that of validation if there is no test split.
        diverged: Whether each run diverged, shape (settings, seeds).
        penalty: The value of a diverged run in `val`.
    """

    problem: str
    optimizer: str
    measure: str
    settings: pd.DataFrame
    seeds: Sequence[int]
    val: Floats
    test: Floats
    diverged: NDArray[np.bool_]
    penalty: float

    @property
    def order(self) -> NDArray[np.intp]:
        """The settings from best to worst: by share of diverged runs, then by mean validation."""
        return np.lexsort((self.val.mean(axis=1), self.diverged.mean(axis=1)))

    @property
    def best(self) -> int:
        """The index of the setting selected on validation."""
        return int(self.order[0])

    def at_seeds(self, indices: NDArray[np.intp]) -> SettingMatrix:
        """Return the same settings over the seeds at `indices`."""
        return replace(
            self,
            seeds=[self.seeds[i] for i in indices],
            val=self.val[:, indices],
            test=self.test[:, indices],
            diverged=self.diverged[:, indices],
        )

    def where(self, mask: NDArray[np.bool_]) -> SettingMatrix:
        """Return the settings at which `mask` is true."""
        return replace(
            self,
            settings=self.settings.loc[mask],
            val=self.val[mask],
            test=self.test[mask],
            diverged=self.diverged[mask],
        )


def divergence_penalties(table: RunTable, metric: str) -> pd.Series[float]:
    """Return each optimizer's divergence penalty on a problem.

    It is the mean of the metric at step 0 over the optimizer's runs. If they have no evaluation at
    step 0 (imported runs), it is the worst value among the optimizer's completed runs. The penalty
    of an error is at least `MIN_PENALTY`.

    Args:
        table: Runs of one problem.
        metric: A metric that is better if lower, such as ``val_error``.

    Returns:
        The penalties, by optimizer; NaN for a loss without any value.
    """
    runs, metrics = table.runs, table.metrics
    first = metrics[metrics["step"] == 0].drop_duplicates("run_id").set_index("run_id")
    values = pd.DataFrame(
        {
            "initial": runs["run_id"].map(first.get(metric, {})).astype(float),
            "final": runs[metric].where(runs["status"] == "done").astype(float),
        }
    ).groupby(runs["optimizer"])
    penalties = values["initial"].mean().fillna(values["final"].max())
    if metric.endswith("error"):
        penalties = penalties.clip(lower=MIN_PENALTY).fillna(MIN_PENALTY)
    return penalties


def penalized(table: RunTable) -> pd.DataFrame:
    """Return runs with the validation and test measure of diverged ones set to the penalty.

    Args:
        table: Runs of one problem.
    """
    runs, diverged = table.runs, table.runs["status"] == "diverged"
    penalties = {
        metric: runs["optimizer"].map(divergence_penalties(table, metric))
        for metric in {f"val_{table.measure()}", table.metric()}
    }
    return runs.assign(**{m: runs[m].mask(diverged, p) for m, p in penalties.items()})


def at_selected(table: RunTable, free: Sequence[str] = ("lr", "wd")) -> RunTable:
    """Return the runs whose settings other than `free` are those of the selected setting.

    Failed runs are excluded. Optimizers with several values of the other settings are excluded if
    there is no validation split to select on.
    """
    runs = table.runs
    others = [c for c in table.setting_columns if c not in free] if len(runs) else []
    table = selectable(table) if others else table
    if others and len(table.runs):
        columns = [*GROUP, *others]
        selected = setting_texts(table.selected().drop_duplicates(GROUP), columns)
        table = table.where(setting_texts(table.runs, columns).isin(set(selected)))
    return table.without_failed


def selectable(table: RunTable) -> RunTable:
    """Return the runs of optimizers whose settings can be ranked.

    These have a validation measure, or a single setting, or no completed run.
    """
    runs = table.runs
    if runs.empty:
        return table
    groups = [runs[k] for k in GROUP]
    validated = runs["val_error"].notna() | runs["val_loss"].notna()
    single = table.setting_texts.groupby(groups).transform("nunique") == 1
    completed = (runs["status"] == "done").groupby(groups).transform("any")
    return table.where(validated.groupby(groups).transform("any") | single | ~completed)


def setting_matrices(table: RunTable) -> Iterator[SettingMatrix]:
    """Yield each optimizer's settings on each problem, over the seeds that most settings have.

    Seeds that only the selected settings have are excluded, and so are settings that lack one of
    the remaining seeds. Optimizers with several settings and no validation measure, or without a
    completed run, are excluded.
    """
    table = table.without_failed
    if table.runs.empty:
        return
    for problem, subtable in table.by_problem():
        measure = subtable.measure()
        penalties = divergence_penalties(subtable, f"val_{measure}")
        for optimizer, runs in penalized(subtable).groupby("optimizer", sort=False):
            labels = (problem, str(optimizer), measure)
            matrix = _setting_matrix(labels, runs, table.setting_texts, penalties[labels[1]])
            rankable = len(matrix.val) == 1 or np.isfinite(matrix.val).all()
            if len(matrix.val) and rankable and np.isfinite(matrix.test).all():
                yield matrix


def _setting_matrix(
    labels: tuple[str, str, str], runs: pd.DataFrame, texts: pd.Series[str], penalty: float
) -> SettingMatrix:
    runs = runs[has_common_seed(runs["seed"])]
    row, _ = pd.factorize(texts[runs.index])
    column, seeds = pd.factorize(runs["seed"], sort=True)
    shape = (row.max() + 1, len(seeds))
    count = np.zeros(shape)
    # Unlike +=, it counts a repeated index each time.
    np.add.at(count, (row, column), 1)
    complete = np.asarray(count.all(axis=1), bool)
    first = runs.iloc[np.unique(row, return_index=True)[1]]

    def array(values: pd.Series) -> Floats:
        filled = np.full(shape, np.nan)
        filled[row, column] = values.to_numpy(float)
        result: Floats = filled[complete]
        return result

    val, test = (runs[f"{split}_{labels[-1]}"] for split in ("val", reported_split(runs)))
    diverged = runs["status"] == "diverged"
    settings = first[complete].reset_index(drop=True)
    arrays = (array(val), array(test), array(diverged) == 1)
    return SettingMatrix(*labels, settings, list(seeds), *arrays, penalty)


def has_common_seed(seeds: pd.Series) -> pd.Series[bool]:
    """Return which runs of an optimizer have a seed that most of its settings have.

    Args:
        seeds: The seed of each run.
    """
    counts = seeds.map(seeds.value_counts())
    return counts * 2 > counts.max()


def on_common_seeds(table: RunTable) -> pd.Series[bool]:
    """Return which runs to use to compare cells of lr × wd with each other.

    These are the runs of seeds that most settings of the optimizer have, because the selected
    setting has additional evaluation seeds. A cell without any common seed keeps all of its seeds.
    """
    runs = table.runs
    common = runs.groupby(GROUP)["seed"].transform(has_common_seed).astype(bool)
    cell = [runs[c] for c in (*GROUP, "lr", "wd")]
    return common | ~common.groupby(cell).transform("any")
