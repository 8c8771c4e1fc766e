"""What a step of each optimizer of a report costs, from the measurements on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from adamcmp.planning.rule_costs import cached_costs, cost_key
from adamcmp.reporting.answer import Answer
from adamcmp.reporting.tables import Table

_PREFIX = "optimizer."
_COMMAND = "adamcmp components optimizer --cost"
_CAPTION = (
    "Microseconds of processor time per step of the update rule without the gradients, in one "
    "thread on this machine, which need not be the one that trained the runs: of all parameters of "
    "an MLP 40-100-100-10, and of one 1,024 × 1,024 matrix. State: numbers that the rule keeps for "
    "each parameter. Do not compare optimizers by the column wall_time_s of runs: a run's share of "
    "its group's time depends on the width of the group, and on what else the machine computed."
)


def cost_table(answer: Answer) -> Table:
    """Return the cost of a step of each optimizer that was measured on this machine.

    An optimizer has the costs of the settings of its first run, since most settings do not change
    them. Optimizers that were not measured, and torch.optim classes, are left out.
    """
    costs = cached_costs()
    runs = answer.table.runs.drop_duplicates("optimizer")
    rows = []
    for row in runs.to_dict("records"):
        cost = costs.get(cost_key(_settings(row)))
        if cost is not None:
            rows.append(
                {
                    "optimizer": row["optimizer"],
                    **{"mlp_us": round(cost.mlp_us), "matrix_us": round(cost.matrix_us)},
                    **{"mlp_state": cost.mlp_state, "matrix_state": cost.matrix_state},
                }
            )
    headings = {
        "optimizer": "optimizer",
        **{"mlp_us": "MLP (µs per step)", "matrix_us": "matrix (µs per step)"},
        **{"mlp_state": "state, MLP", "matrix_state": "state, matrix"},
    }
    reason = "" if rows else f"Nothing was measured on this machine. {_COMMAND} measures it."
    data = pd.DataFrame(rows, columns=list(headings))
    return Table("costs", "Cost of a step", _CAPTION, data, reason, headings=headings)


def _settings(run: Mapping[Any, Any]) -> dict[str, Any]:
    """Return the settings of a run's optimizer by the names of its fields."""
    columns = {str(k): v for k, v in run.items() if str(k).startswith(_PREFIX)}
    return {name.removeprefix(_PREFIX): value for name, value in columns.items()}
