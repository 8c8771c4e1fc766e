"""What a study needs next: settings beyond edges, equal budgets, or further seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.seeds import ENOUGH_SEEDS
from adamcmp.analysis.looks import unrecorded_looks
from adamcmp.platform.addresses import Address
from adamcmp.storage.looks import add_looks
from adamcmp.workflows.additions import Addition, StoredStudy
from adamcmp.workflows.candidates import missing_candidate_seeds
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
        budget: The number of runs that may be trained. If fewer seeds are useful too, it limits
            how many are added.
        record_look: Whether to record the look at the comparisons if they decide what is added.
    """
    steps = (
        study.interrupted_addition,
        partial(_beyond_edges, study),
        partial(_equal_budgets, study),
        partial(_candidate_seeds, study),
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


def _candidate_seeds(study: StoredStudy) -> Addition:
    return Addition(candidate_seeds=missing_candidate_seeds(study.table))


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
        # The ranked runs lack those that failed.
        is_best = table.setting_texts == table.setting_texts[best.index[0]]
        selecting = runs[runs["selection_seed"] & (runs["settings"] > 1)]
        setting = _BestSetting(
            seeds=frozenset(map(int, table.runs.loc[is_best, "seed"])),
            selection_seeds=frozenset(map(int, selecting["seed"])),
        )
        settings.append(setting)
    return settings


def _evaluation_seeds(study: StoredStudy, budget: int) -> Addition:
    """Return the evaluation seeds that some best settings lack.

    All optimizers of a problem get the same seeds, none of which selected a setting. These are all
    evaluation seeds that any of them has, and new ones if these are too few.
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
    """Return the seeds that any of the best settings has, and that selected no setting."""
    selecting = frozenset[int]().union(*(setting.selection_seeds for setting in best))
    return frozenset[int]().union(*(setting.seeds for setting in best)) - selecting


def _unused_seeds(table: RunTable, count: int) -> range:
    """Return the seeds that follow all seeds of a problem."""
    start = int(table.runs["seed"].max()) + 1
    return range(start, start + count)


def _more_seeds(study: StoredStudy, budget: int, record_look: bool) -> Need | None:
    """Return the seeds that would decide undecided comparisons; None if no seeds would.

    They decide as many comparisons of a problem as the budget allows. If it allows none, they are
    those of the comparison that needs the fewest runs.
    """
    needs = []
    for problem, count in _seeds_of_comparisons(study.folder, record_look):
        table = study.table.of_problem(problem)
        addition = Addition(seeds={problem: _unused_seeds(table, count)})
        needs.append(Need(addition, count * len(table.optimizers)))
    needs.sort(key=lambda need: need.runs)
    affordable = [need for need in needs if need.runs <= budget]
    return affordable[-1] if affordable else next(iter(needs), None)


def _seeds_of_comparisons(folder: Address, record_look: bool) -> Iterator[tuple[str, int]]:
    """Yield the problem of each undecided comparison, and how many more seeds it needs."""
    from adamcmp.reporting import load_table

    table = load_table([folder])
    pairs = analysis.comparisons(table)
    if record_look:
        add_looks(folder, unrecorded_looks(pairs, table.looks))
    for row in pairs[pairs["better"] == ""].to_dict("records"):
        count = row["seeds_needed"] - row["n"]
        if math.isfinite(count) and count > 0:
            yield row["problem"], int(count)
