"""``adamcmp worker``: train runs that commands have planned."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from adamcmp.cli._options import add_allow_code, add_config_dir, add_results, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._study import add_execution_overrides, add_study
from adamcmp.errors import counted
from adamcmp.platform.addresses import study_arguments

if TYPE_CHECKING:
    from adamcmp.execution.observer import Observer
    from adamcmp.execution.worker import WorkerResult

EXAMPLES = """\
examples:
  adamcmp sweep lr=1e-3,1e-2 seeds=50 study=first --plan-only
  adamcmp worker first                 on any machine that can write its folder
  adamcmp worker first --minutes 50    for a job with a time limit of an hour
  adamcmp worker first workers=4

Each run is trained by one worker. If a worker is killed or freezes, other
workers train its runs. A worker also helps a sweep that is already running.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "worker",
        "Train runs that other commands have planned, until none is left.",
        EXAMPLES,
    )
    add_study(parser)
    add_execution_overrides(parser)
    parser.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="stop after this time, with checkpoints of unfinished runs (default: no limit)",
    )
    parser.add_argument(
        "--plan", type=int, metavar="N", help="train only this plan (default: all open plans)"
    )
    parser.add_argument("--quiet", "-q", action="store_true", help="show no progress")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    add_config_dir(parser)
    add_allow_code(parser)
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Train runs of the open plans of a study.

    Returns:
        0; 1 if a run failed, or a plan was cancelled.
    """
    options = parser().parse(arguments)
    from adamcmp.workflows.worker import WorkerRequest, run_worker

    root = results_root(options)
    request = WorkerRequest(root, options.study, options.overrides, options.plan, options.minutes)

    @contextmanager
    def display(runs: int) -> Iterator[Observer]:
        from adamcmp.cli.progress_bar import Bar

        with Bar(runs, options.quiet) as bar:
            bar.requested = runs
            if runs and not options.quiet:
                bar.open()
            yield bar.observer()

    result = run_worker(request, display)
    if options.json:
        print(json.dumps(asdict(result)))
    else:
        print(_outcome(result, options.study, study_arguments(root / options.study)))
    return 1 if result.failed or result.cancelled else 0


def _outcome(result: WorkerResult, name: str, study: str) -> str:
    """Return what the worker has done, and what is left."""
    if not result.trained and not result.left and not result.cancelled:
        return f"Study {name!r} has no planned run to train."
    trained = f"{counted(result.trained, 'run')} trained"
    if result.failed:
        trained += f", {result.failed} of which failed (`adamcmp ls {study} status=failed`)"
    if result.cancelled:
        trained += f"; the plan of {counted(result.cancelled, 'further run')} was cancelled"
    if not result.left:
        return f"{trained}; no planned run is left."
    left = f"{counted(result.left, 'run')} left{' at the time limit' * result.time_over}"
    return f"{trained}; {left}. `adamcmp worker {study}` trains the rest."
