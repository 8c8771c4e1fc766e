"""Describe the rounds of additions to a study: what is added, and the best settings afterwards."""

from __future__ import annotations

from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.wording import display_name, join_names
from adamcmp.workflows.additions import Addition, StoredStudy
from adamcmp.workflows.rounds import Need


def describe(need: Need, study: StoredStudy) -> str:
    """Return what a study needs, as a phrase."""
    several = len(study.table.problems) > 1
    texts = [
        f"beyond {edge.axis} {edge.best:g} of {display_name(edge.optimizer)}"
        + f" on {edge.problem}" * several
        for edge in need.addition.edges
    ]
    if count := len(need.addition.candidate_seeds):
        texts.append(f"with the candidate seeds of {count} more setting{'s' * (count != 1)}")
    texts += [
        f"with the evaluation seeds {seeds[0]} to {seeds[-1]} of each best setting"
        + f" on {problem}" * several
        for problem, seeds in need.addition.seeds.items()
    ]
    return f"{need.runs} run{'s' * (need.runs != 1)} {join_names(texts)}"


def best_settings_now(addition: Addition, study: StoredStudy) -> str:
    """Return the best settings of the optimizers whose settings were ranked again."""
    ranked = study.table.ranked()
    texts = []
    arms = [(edge.problem, edge.optimizer) for edge in addition.edges]
    candidates = study.table.runs["run_id"].isin(addition.candidate_seeds)
    arms += study.table.runs.loc[candidates, GROUP].itertuples(index=False, name=None)
    for problem, optimizer in dict.fromkeys(arms):
        arm = (ranked["problem"] == problem) & (ranked["optimizer"] == optimizer)
        best = ranked[arm & (ranked["rank"] == 0)].iloc[0]
        values = ", ".join(f"{axis} {best[axis]:g}" for axis in ("lr", "wd"))
        texts.append(f"{display_name(optimizer)} {values}")
    if not texts:
        return ""
    return f"; best {'setting' if len(texts) == 1 else 'settings'} now {join_names(texts)}"
