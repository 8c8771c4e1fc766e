"""Plans that wait for workers, written and trained without starting a process."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from adamcmp.config import StudyConfig
from adamcmp.execution.autotuning import autotuned
from adamcmp.execution.executors import Serial
from adamcmp.execution.open_plans import OpenPlan
from adamcmp.execution.queue_files import plan_file
from adamcmp.execution.requests import Request, unfinished
from adamcmp.execution.standing_plans import publish_standing
from adamcmp.execution.stored_plans import encode_plan
from adamcmp.execution.worker import WorkerResult
from adamcmp.planning.plan import make_plan
from adamcmp.storage.files import Files
from adamcmp.storage.store import Store
from adamcmp.workflows.standing_plans import StandingPlans, write_plan
from adamcmp.workflows.training import TrainingOptions, no_display
from adamcmp.workflows.worker import WorkerRequest, run_worker
from tests.support.studies import SMALL

#: A grid of two steps per run.
GRID = [*SMALL, "steps=2", "engine=eager", "study=s"]


def plan(*overrides: str, **options: Any) -> StandingPlans:
    """Write the plan of a grid; the options are those of `TrainingOptions`."""
    return write_plan([*GRID, *overrides], None, TrainingOptions(**options))


def train(results: Path, *overrides: str, **options: Any) -> tuple[WorkerResult, int]:
    """Train the open plans; return the result and the number of runs that is displayed."""
    displayed = []

    def display(runs: int) -> Any:
        displayed.append(runs)
        return no_display(runs)

    result = run_worker(WorkerRequest(results, "s", overrides, **options), display)
    return result, *displayed


def standing_plan(
    config: StudyConfig, *, measured: bool = True, retrained_statuses: Collection[str] = ()
) -> OpenPlan | None:
    """Publish the plan of the runs of a study.

    Args:
        config: The runs.
        measured: Whether speeds are measured first; if not, the workers group the runs.
        retrained_statuses: Statuses of stored runs that are trained again.
    """
    store = Store(config.location.folder)
    plan = make_plan(config, store.numerics())
    missing = unfinished(plan, store.outcomes(), retrained_statuses)
    if measured:
        missing = autotuned(missing, Serial(), lambda: None, lambda text: None)
    request = Request(config, plan, missing, retrained_statuses)
    plans = publish_standing(store, request, lambda: None, lambda text: None)
    return plans[-1] if plans else None


def with_versions(
    files: Files, plan: OpenPlan, versions: Mapping[str, str], mixed_versions: bool = False
) -> None:
    """Rewrite a plan as another version would have written it."""
    header = replace(plan.header, versions=versions, mixed_versions=mixed_versions)
    shares = [plan.content.share(share.number) for share in plan.shares]
    files.replace(plan_file(plan.number), encode_plan(header, shares))
