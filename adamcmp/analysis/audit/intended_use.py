"""Check: is each optimizer trained as its authors intend?"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name


def check(table: RunTable) -> Iterator[Finding]:
    """Yield optimizers whose best setting is outside of what their authors propose.

    The settings that count are the best ones, which the verdict compares.
    """
    for problem, subtable in table.by_problem():
        for optimizer, runs in subtable.selected().groupby("optimizer", sort=False):
            if text := _difference(runs):
                text = f"{display_name(str(optimizer))} {text}"
                yield Finding("intended use", "note", problem, text)


def _difference(runs: pd.DataFrame) -> str:
    """Return how the runs of one optimizer differ from its intended use; empty if they do not."""
    period = runs.get("optimizer.lookahead_steps")
    if period is not None and (period > runs["steps"]).any():
        return (
            f"was evaluated at its initial weights: Lookahead moves the evaluated weights for the "
            f"first time in step {period.max():g}, after the end of the runs. Set "
            f"optimizer.lookahead_steps to fewer steps."
        )
    rule = str(runs["rule"].iloc[0])
    schedules = [str(name) for name in runs["schedule"].unique() if name != "constant"]
    if rule.startswith("schedulefree_") and schedules:
        return (
            f"was trained with schedule={schedules[0]}. Its average of iterates replaces a "
            f"schedule: train it with schedule=constant too."
        )
    if rule == "asgd" and (runs["optimizer.t0"] >= runs["steps"]).all():
        return (
            f"averages weights from step {runs['optimizer.t0'].iloc[0]:g}, after the end of its "
            f"runs, so that it is SGD. Set optimizer.t0 to an earlier step."
        )
    if rule == "rprop" and (runs["batch_size"] < runs["train_examples"]).any():
        return (
            "was trained with mini-batches. It counts changes of the gradient's sign, which are "
            "noise there: use batch_size of the whole training set, or another optimizer."
        )
    return ""
