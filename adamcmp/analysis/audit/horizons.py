"""Check: would a shorter training budget have ranked the optimizers differently?

The beginning of a run is a run with a smaller budget only if its learning rate and weight decay do
not depend on the number of steps. A cosine run at a quarter of its steps still has a large learning
rate, while a run with a quarter of the budget has annealed it. So only optimizers whose settings do
not depend on the budget are checked: see `independent_of_budget`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.comparisons import comparisons
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name, join_names
from adamcmp.storage.columns import METRICS

#: Shares of the budget at which runs are read, with their names.
HORIZONS = {0.25: "a quarter", 0.5: "half"}
#: Schedules whose multiplier at a step does not depend on the number of steps.
_SCHEDULES = ("constant", "cosine_restarts")


def independent_of_budget(table: RunTable) -> RunTable:
    """Return the runs of optimizers whose runs of any number of steps have a common beginning.

    Their schedule is constant, or has warm restarts. Warm-up is a fraction of all steps, and
    normalized weight decay depends on their number, so both must be off.
    """
    runs = table.runs
    independent = runs["schedule"].isin(_SCHEDULES)
    if "schedule.warmup" in runs:
        independent &= runs["schedule.warmup"].fillna(0).eq(0)
    if "optimizer.normalized" in runs:
        independent &= runs["optimizer.normalized"].ne(True)
    return table.where(independent.groupby([runs[c] for c in GROUP]).transform("all"))


def reversals(table: RunTable) -> pd.DataFrame:
    """Return rankings that are reversed at a quarter or half of the budget.

    Settings are selected separately at each horizon. The ranking of two optimizers is reversed if
    both differences are significant and their signs differ. Optimizers in `unreadable` are
    excluded.

    Args:
        table: Runs that are `independent_of_budget`.

    Returns:
        Columns ``problem share ahead behind``: the optimizers that are ahead and behind at this
        share of the budget.
    """
    rows = []
    for problem, subtable in table.by_problem():
        metric = subtable.metric()
        final = _signs(_readable(subtable, 1.0)[0], metric)
        for share in HORIZONS if any(final.values()) else ():
            for pair, sign in _signs(_readable(subtable, share)[0], metric).items():
                if sign * final.get(pair, 0) < 0:
                    ahead, behind = pair if sign < 0 else pair[::-1]
                    rows.append((problem, share, ahead, behind))
    return pd.DataFrame(rows, columns=["problem", "share", "ahead", "behind"])


def unreadable(table: RunTable) -> pd.DataFrame:
    """Return optimizers that cannot be ranked at a quarter or half of the budget.

    Args:
        table: Runs that are `independent_of_budget`.

    Returns:
        Columns ``problem share optimizer``.
    """
    rows = [
        (problem, share, optimizer)
        for problem, subtable in table.by_problem()
        if len(subtable.optimizers) > 1
        for share in HORIZONS
        for optimizer in _readable(subtable, share)[1]
    ]
    return pd.DataFrame(rows, columns=["problem", "share", "optimizer"])


def _readable(table: RunTable, share: float) -> tuple[RunTable, list[str]]:
    """Read a problem's runs as of `read_at`, without the optimizers that lack a value.

    These optimizers have a metric for selection or ranking at the end, but not at this share.
    Imported runs may have no curves, or curves of training only.

    Returns:
        The readable runs, and the optimizers that were left out.
    """
    read = read_at(table, share)
    needed = list(dict.fromkeys([f"val_{table.measure()}", table.metric()]))
    final, early = (
        runs[runs["status"] == "done"].groupby("optimizer", sort=False)[needed].count() > 0
        for runs in (table.runs, read.runs)
    )
    lacking = (final & ~early.reindex(final.index, fill_value=False)).any(axis="columns")
    names = list(lacking.index[lacking])
    return read.where(~read.runs["optimizer"].isin(names)), names


def _signs(table: RunTable, metric: str) -> dict[tuple[str, str], int]:
    """Return for each pair -1 if a is significantly better than b, 1 if worse, else 0."""
    if len(table.optimizers) < 2:
        return {}
    result = comparisons(table, metric)
    signs = result["better"].map({"a": -1, "b": 1, "": 0})
    return dict(zip(zip(result["a"], result["b"], strict=True), signs, strict=True))


def read_at(table: RunTable, share: float) -> RunTable:
    """Return runs as if they had ended at the last evaluation within a share of their budget.

    Runs with warm restarts are read at the end of the last complete cycle, where the learning rate
    is low. A run without an evaluation, or the end of a cycle, within the share is left out.

    Args:
        table: The runs and their evaluations.
        share: Share of the budget, above 0 and at most 1.
    """
    runs, metrics = table.runs, table.metrics
    limits = _step_limits(runs, share)
    # At step 0, all optimizers have the same initial weights.
    rows = metrics[metrics["run_id"].isin(limits.index) & (metrics["step"] > 0)]
    rows = rows[rows["step"].to_numpy(float) <= rows["run_id"].map(limits).to_numpy(float)]
    last = rows.sort_values("step").drop_duplicates("run_id", keep="last").set_index("run_id")
    diverged = runs["status"] == "diverged"
    read = runs[diverged | (runs["run_id"].isin(last.index) & (runs["status"] == "done"))].copy()
    columns = [c for c in METRICS if c in last and c in read]
    ids = read["run_id"].where(read["status"] == "done")
    read[columns] = last[columns].reindex(ids).to_numpy(float)
    return table.with_runs(read)


def _step_limits(runs: pd.DataFrame, share: float) -> pd.Series[float]:
    """Return the step up to which each run is read, by run id; NaN if it cannot be read."""
    limits = share * runs["steps"].to_numpy(float)
    if "schedule.T_0" in runs:
        epoch = (runs["train_examples"] / runs["batch_size"]).to_numpy(float)
        length, factor = (runs[f"schedule.T_{k}"].to_numpy(float) for k in ("0", "mult"))
        restarts = (runs["schedule"] == "cosine_restarts").to_numpy(bool)
        end, within = np.zeros(len(runs)), np.full(len(runs), np.nan)
        # A cycle may end, in epochs, between two steps: it is read at the step before.
        while (inside := np.floor((end + length) * epoch) <= limits).any():
            end = end + length
            within = np.where(inside, np.floor(end * epoch), within)
            length = length * factor
        limits = np.where(restarts, within, limits)
    return pd.Series(limits, runs["run_id"])


def check(table: RunTable) -> Iterator[Finding]:
    """Yield rankings that are reversed or unknown earlier in training."""
    table = independent_of_budget(table)
    for row in reversals(table).to_dict("records"):
        ahead, behind = display_name(row["ahead"]), display_name(row["behind"])
        yield Finding(
            "horizon",
            "warning",
            row["problem"],
            f"{ahead} is ahead of {behind} at {HORIZONS[row['share']]} of the "
            f"budget, and behind at its end: the verdict holds for this budget only.",
        )
    for problem, group in unreadable(table).groupby("problem", sort=False):
        names = group.groupby("share", sort=False)["optimizer"].agg(tuple)
        for optimizers, shares in names.groupby(names, sort=False):
            yield Finding(
                "unread",
                "note",
                str(problem),
                f"The ranking is unknown at {join_names(HORIZONS[s] for s in shares.index)} "
                f"of the budget: {join_names(map(display_name, optimizers))} "
                f"{'have' if len(optimizers) > 1 else 'has'} no evaluation by then.",
            )
