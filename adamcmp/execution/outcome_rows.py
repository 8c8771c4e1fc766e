"""The rows that are stored of a group that has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adamcmp.planning.grouping import LaneGroup
from adamcmp.platform.provenance import hardware, software
from adamcmp.training.outcome import Done, Failed, Outcome


def outcome_rows(
    group: LaneGroup, outcome: Outcome, study: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of `runs`, `metrics` and `examples` of a group that has ended.

    Args:
        group: The group.
        outcome: How it ended: `Done`, or `Failed`, of which each run gets a row.
        study: The name of the study.
    """
    if isinstance(outcome, Done):
        runs = [{**row, "study": study} for row in outcome.runs]
        return runs, outcome.metrics, outcome.examples
    assert isinstance(outcome, Failed)
    failure = {
        **software(),
        "hardware": hardware(group.specs[0].numerics.device),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": study,
        "status": "failed",
        "error": f"{outcome.error}\n\n{outcome.traceback}".strip(),
    }
    return [{**spec.columns(), **failure} for spec in group.specs], [], []
