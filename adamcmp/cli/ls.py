"""``adamcmp ls``: list studies, or the runs of a study."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from adamcmp.cli._options import add_results, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._selection import add_study_and_filters, study_and_filters
from adamcmp.cli._tables import print_table
from adamcmp.cli._terminal import shown_if_slow, wrapped
from adamcmp.platform.addresses import Address

if TYPE_CHECKING:
    from adamcmp.workflows.queue_status import PlanStatus, TrainingProcess

EXAMPLES = """\
examples:
  adamcmp ls                                        all studies
  adamcmp ls first                                  the runs of study first
  adamcmp ls first optimizer=adamw 'test_error<0.4'
  adamcmp ls status=failed                          failed runs of all studies
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "ls", "List studies, or the runs of a study that meet all conditions.", EXAMPLES
    )
    add_study_and_filters(
        parser, "name of a study", "a condition on a column, with = != < <= > or >="
    )
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """List studies or runs.

    Returns:
        0; 2 if a study or its queue is damaged.
    """
    options = parser().parse(arguments)
    root = results_root(options)
    if options.study is None:
        return _print_studies(root)
    study, filters = study_and_filters(options)
    return _print_runs(root, [study] if study else [], filters)


def _print_studies(root: Address) -> int:
    from adamcmp.storage.reader import no_studies
    from adamcmp.workflows.listing import list_studies

    studies = list_studies(root)
    if not studies:
        print(no_studies(root))
        return 0
    rows = [
        {"study": study.name, "runs": "damaged"}
        if study.error and not study.statuses
        else {
            "study": study.name,
            "runs": study.runs,
            **study.statuses,
            "optimizers": " ".join(study.optimizers),
            "latest": _local_time(study.latest),
            "planned": study.queue.planned,
            "now": "; ".join(map(_progress, study.queue.processes)),
        }
        for study in studies
    ]
    empty = [key for key in ("planned", "now") if not any(row.get(key) for row in rows)]
    rows = [{k: v for k, v in row.items() if k not in empty} for row in rows]
    print_table(rows)
    errors = [study.error for study in studies if study.error]
    for error in errors:
        print(f"adamcmp: {error}", file=sys.stderr)
    return 2 if errors else 0


def _print_runs(root: Address, studies: Sequence[str], filters: Sequence[str]) -> int:
    from adamcmp.storage.columns import Role, role_of
    from adamcmp.workflows.listing import list_runs

    with shown_if_slow("reading the runs"):
        runs = list_runs(root, studies, filters)
    for study, queue in runs.queues.items():
        for process in queue.processes:
            print(f"{study}: {_progress(process)}")
        for plan in queue.plans:
            jobs = "; jobs may wait in the queue of the cluster" if plan.executor else ""
            waiting = "" if queue.processes else f", no worker is alive{jobs}"
            print(f"{study}: {_plan(plan)}{waiting}")
    if not runs.rows:
        print(wrapped(runs.no_match or f"There are no runs in {root} yet."))
        return 0
    rows = [{column: row.get(column) for column in runs.columns} for row in runs.rows]
    print_table(rows, [column for column in runs.columns if role_of(column) is Role.METRIC])
    return 0


def _plan(plan: PlanStatus) -> str:
    """Return one line about a plan."""
    jobs = f" by jobs of executor={plan.executor}" if plan.executor else ""
    stored = plan.runs - plan.missing
    return f"plan {plan.number}{jobs}: {stored} of {plan.runs} runs stored"


def _progress(process: TrainingProcess) -> str:
    """Return one line about a process that is training runs."""
    from tqdm import tqdm

    status, ends = process.status, ""
    if process.silent_seconds:
        ends = f", no heartbeat for {tqdm.format_interval(process.silent_seconds)}"
    elif status.seconds_left is not None:
        ends = f", {tqdm.format_interval(status.seconds_left)} left"
    return (
        f"{status.done} of {status.runs} runs trained{ends} (process {status.pid} on {status.host})"
    )


def _local_time(time: str | None) -> str:
    if time is None:
        return "-"
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")
