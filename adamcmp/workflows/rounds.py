"""What a study needs next: settings beyond edges, equal budgets, evaluation seeds, more of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.seeds import ENOUGH_SEEDS
from adamcmp.analysis.looks import unrecorded_looks
from adamcmp.storage.looks import add_looks
from adamcmp.workflows.additions import Addition, StoredStudy
from adamcmp.workflows.equal_budgets import widened_edges

#: Evaluation seeds of each best setting if there are none yet, and the budget allows so many. They
#: detect a difference of one standard deviation with 80 % power.
EVALUATION_SEEDS = 10


class Need(NamedTuple):
    """What a study needs.

    Attributes:
        addition: The runs to add.
        runs: How many of them are not stored.
    """

    addition: Addition
    runs: int


def next_need(study: StoredStudy, budget: int, *, record_look: bool) -> Need | None:
    """Return what a study needs next; None if it needs no runs.

    Args:
        study: The study.
        budget: The number of runs that may be trained. It limits how many seeds are added, where
            fewer are useful too.
        record_look: Whether to record the look at the comparisons if they decide what is added.
    """
    steps = (
        study.interrupted_addition,
        partial(_beyond_edges, study),
        partial(_equal_budgets, study),
        partial(_evaluation_seeds, study, budget),
    )
    for step in steps:
        addition = step()
        if addition and (runs := study.new_runs(addition)):
            return Need(addition, runs)
    return _more_seeds(study, budget, record_look)


def _beyond_edges(study: StoredStudy) -> Addition:
    return Addition(edges=tuple(analysis.edges(study.table)))


def _equal_budgets(study: StoredStudy) -> Addition:
    return Addition(edges=tuple(widened_edges(study.table)))


class _BestSetting(NamedTuple):
    """The selected setting of one optimizer.

    Attributes:
        seeds: All seeds of the setting, also those of failed runs.
        selection_seeds: The seeds that selected it; empty if the optimizer has no other setting.
    """

    seeds: frozenset[int]
    selection_seeds: frozenset[int]


def _best_settings(table: RunTable) -> list[_BestSetting]:
    """Return the selected setting of each optimizer of one problem."""
    ranked = table.ranked()
    settings = []
    for _, runs in ranked.groupby("optimizer", sort=False):
        best = runs[runs["rank"] == 0]
        same = table.setting_texts == table.setting_texts[best.index[0]]
        selecting = runs[runs["selection_seed"] & (runs["settings"] > 1)]
        seeds = (table.runs.loc[same, "seed"], selecting["seed"])
        settings.append(_BestSetting(*(frozenset(map(int, each)) for each in seeds)))
    return settings


def _evaluation_seeds(study: StoredStudy, budget: int) -> Addition:
    """Return the evaluation seeds that some best settings lack.

    All optimizers of a problem get the same seeds, none of which selected a setting. These are the
    ones that any of them has, and new ones if there are too few.
    """
    seeds = {}
    arms = sum(len(table.optimizers) for _, table in study.table.by_problem())
    affordable = min(max(budget // arms, ENOUGH_SEEDS), EVALUATION_SEEDS)
    for problem, table in study.table.by_problem():
        best = _best_settings(table)
        evaluated = _shared_evaluation_seeds(best)
        minimum = ENOUGH_SEEDS if evaluated else affordable
        evaluated |= set(_unused_seeds(table, minimum - len(evaluated)))
        if any(evaluated - setting.seeds for setting in best):
            seeds[problem] = tuple(sorted(evaluated))
    return Addition(seeds=seeds)


def _shared_evaluation_seeds(best: list[_BestSetting]) -> frozenset[int]:
    """Return the seeds of any of the best settings that selected no setting."""
    selecting = frozenset[int]().union(*(setting.selection_seeds for setting in best))
    return frozenset[int]().union(*(setting.seeds for setting in best)) - selecting


def _unused_seeds(table: RunTable, count: int) -> range:
    """Return the seeds that follow all seeds of a problem."""
    start = int(table.runs["seed"].max()) + 1
    return range(start, start + count)


def _more_seeds(study: StoredStudy, budget: int, record_look: bool) -> Need | None:
    """Return the seeds that would settle undecided comparisons; None if none would.

    They settle as many comparisons of a problem as the budget allows. If it allows none, they
    settle the first one.
    """
    needs = []
    for problem, more in _seeds_of_comparisons(study.folder, record_look):
        table = study.table.of_problem(problem)
        addition = Addition(seeds={problem: _unused_seeds(table, more)})
        needs.append(Need(addition, more * len(table.optimizers)))
    needs.sort(key=lambda need: need.runs)
    affordable = [need for need in needs if need.runs <= budget]
    return affordable[-1] if affordable else next(iter(needs), None)


def _seeds_of_comparisons(folder: Path, record_look: bool) -> Iterator[tuple[str, int]]:
    """Yield the problem of each undecided comparison, and how many more seeds it needs."""
    from adamcmp.reporting import load_table

    table = load_table([folder])
    pairs = analysis.comparisons(table)
    if record_look:
        add_looks(folder, unrecorded_looks(pairs, table.looks))
    for row in pairs[pairs["better"] == ""].to_dict("records"):
        more = row["seeds_needed"] - row["n"]
        if math.isfinite(more) and more > 0:
            yield row["problem"], int(more)
