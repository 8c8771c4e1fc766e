"""A process that trains runs of a study, as other processes see it."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from adamcmp.execution.heartbeats import Heartbeat
from adamcmp.execution.plan_contents import PlanHeader, PlannedGroup
from adamcmp.execution.queue_files import plan_file, remove_plan
from adamcmp.execution.stored_plans import encode_plan
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.store import Store

#: The number of its plan.
PLAN = 999


@contextlib.contextmanager
def training_elsewhere(
    study: Path, specs: Sequence[RunSpec] = (), lease_seconds: float = 180.0
) -> Iterator[Heartbeat]:
    """Plan runs like a process that is alive."""
    study.mkdir(parents=True, exist_ok=True)
    files = Store(study).files
    with Heartbeat(files, lease_seconds, lease_seconds) as heartbeat:
        heartbeat.publish(max(len(specs), 1), 0, None)
        if specs:
            groups = [LaneGroup((spec,)) for spec in specs]
            files.create(plan_file(PLAN), plan_of([groups], heartbeat.worker))
        yield heartbeat
        remove_plan(files, PLAN)


def plan_of(
    shares: Sequence[Sequence[LaneGroup]], owner: str = "", lease_seconds: float = 180.0
) -> bytes:
    """Return the content of a plan of runs that are not stored."""
    planned = [
        [PlannedGroup(group.specs, dict.fromkeys(group.run_ids, 0)) for group in share]
        for share in shares
    ]
    header = PlanHeader(
        overrides=("sweep",),
        owner=owner,
        lease_seconds=lease_seconds,
        share_runs=tuple(sum(len(group.specs) for group in share) for share in shares),
        share_seconds=(1.0,) * len(shares),
    )
    return encode_plan(header, planned)
