"""Candidate seeds of settings that were added after the candidates of a study had been ranked."""

from __future__ import annotations

from adamcmp.analysis import RunTable, selection_seeds
from adamcmp.analysis.selection_seeds import MIN_CANDIDATES, candidates_of


def missing_candidate_seeds(table: RunTable) -> dict[str, tuple[int, ...]]:
    """Return the candidate seeds that leading settings lack.

    If an optimizer has candidates, these are the seeds of the candidates for each other setting
    that is among the five best ones on the selection seeds. If more than half of its settings would
    be candidates then, all settings get these seeds, which are selection seeds from then on.

    Args:
        table: The runs.

    Returns:
        The seeds of each setting, by the id of one of its runs.

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    missing = {}
    for _, _, arm in table.by_optimizer():
        candidates, seeds = candidates_of(arm.runs["seed"], arm.setting_texts)
        for run_id in _not_candidates(arm, candidates) if candidates else ():
            missing[run_id] = tuple(sorted(map(int, seeds)))
    return missing


def _not_candidates(arm: RunTable, candidates: set[str]) -> list[str]:
    """Return the id of one run of each setting that lacks candidate seeds."""
    ranked = arm.where(arm.runs["seed"].isin(selection_seeds(arm))).ranked()
    by_rank = ranked.sort_values("rank").drop_duplicates("rank")
    others = by_rank[~arm.setting_texts[by_rank.index].isin(candidates)]
    leading = others[others["rank"] < MIN_CANDIDATES]
    if leading.empty or 2 * (len(candidates) + len(leading)) <= len(by_rank):
        others = leading
    return list(map(str, others["run_id"]))
