"""``adamcmp sweep``: train a grid, or search ranges."""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from adamcmp.cli import _config
from adamcmp.cli._options import add_config_dir, add_training, report_command
from adamcmp.cli._parser import Parser
from adamcmp.cli._training import OVERRIDES_HELP, add_overrides, print_plan, training_options
from adamcmp.errors import ConfigError, counted
from adamcmp.platform.addresses import study_arguments

if TYPE_CHECKING:
    from adamcmp.workflows.training import SweepResult

EXAMPLES = """\
examples:
  adamcmp sweep optimizer=adam_l2,adamw lr=1e-3,1e-2 seeds=5 study=first
  adamcmp sweep 'lr=logspace(1e-3,1e-1,9)' 'wd=powers(2,-12,-4)' --dry-run
  adamcmp sweep 'lr=tag(log,interval(1e-4,1e-1))' sampler=tpe n=64 seeds=3

The same command continues an interrupted sweep. A wider grid trains only its
new settings. Without study=, the study is named after the overrides.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "sweep",
        "Train every combination of several values, or search ranges.\n"
        "Runs that already exist are not trained again.",
        f"{EXAMPLES}\n{OVERRIDES_HELP}",
    )
    add_overrides(parser, "override, with one or several values, such as lr=0.01,0.1; see below")
    add_training(parser)
    parser.add_argument(
        "--plan-only",
        action="store_true",
        help="write the plan and train nothing; `adamcmp worker` trains it, on any machine",
    )
    parser.add_argument(
        "--detach",
        action="store_true",
        help="with executor=slurm: start the jobs and do not wait for them",
    )
    _config.add_options(parser)
    add_config_dir(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Train a grid, or search ranges.

    Returns:
        0; 1 if a run failed or another process is training some.
    """
    return run_command(parser().parse(arguments))


def run_command(options: argparse.Namespace) -> int:
    """Run the command with parsed options; return its exit code."""
    if _config.is_requested(options):
        return _config.print_config(options)
    from adamcmp.workflows.sweep import configure_sweep, sweep

    if options.dry_run:
        return print_plan(lambda: configure_sweep(options.overrides, options.config_dir), options)
    if options.plan_only and options.detach:
        raise ConfigError("--plan-only starts no jobs. Remove --plan-only or --detach.")
    if options.plan_only:
        return _print_standing_plan(options)
    training = replace(training_options(options), detach=options.detach)
    result = sweep(options.overrides, options.config_dir, training)
    return print_result(result, as_json=options.json)


def _print_standing_plan(options: argparse.Namespace) -> int:
    """Write a plan, and print what trains it."""
    from adamcmp.cli.dry_run import estimate
    from adamcmp.workflows.standing_plans import write_plan

    plans = write_plan(options.overrides, options.config_dir, training_options(options))
    if options.json:
        values = {"study": plans.folder.name, "folder": str(plans.folder), "plans": plans.numbers}
        print(json.dumps({**values, "runs": plans.runs, "shares": plans.shares}))
    elif not plans.numbers:
        print(f"All runs are stored already; files in {plans.folder}")
    else:
        study, several = study_arguments(plans.folder), len(plans.numbers) > 1
        print(
            f"plan{'s' * several} {', '.join(map(str, plans.numbers))}: "
            f"{counted(plans.runs, 'run')} in {counted(plans.shares, 'share')}, "
            f"{estimate(plans.seconds)} of one worker process; files in {plans.folder}\n"
            f"`adamcmp worker {study}{' --allow-code' * plans.imports_code}` trains them, on any "
            f"number of machines."
        )
    return 0


def print_result(result: SweepResult, *, as_json: bool) -> int:
    """Print how many runs were trained, how they ended, what to do next, and the best settings.

    Args:
        result: The result.
        as_json: Whether to print one JSON object instead.

    Returns:
        The exit code: 0; 1 if a run failed or another process is training some.
    """
    code = 0 if result.complete else 1
    if as_json:
        print(json.dumps(_json_values(result)))
        return code
    count = len(result.run_ids)
    statuses = ", ".join(f"{n} {status}" for status, n in result.statuses.items() if n)
    print(
        f"{counted(count, 'run')} ({len(result.trained)} newly trained): "
        f"{statuses or 'none finished'}; files in {result.folder}"
    )
    if result.notice:
        print(f"adamcmp: {result.notice}", file=sys.stderr)
    for run_id, error in result.errors.items():
        print(f"failed: {run_id}: {error}", file=sys.stderr)
    if result.errors:
        print(
            "`adamcmp show RUN` prints the traceback; --retry-failed retrains failed runs.",
            file=sys.stderr,
        )
    if result.statuses["done"]:
        print(report_command(result.folder))
    elif result.statuses["diverged"]:
        study = study_arguments(result.folder)
        print(f"`adamcmp plot divergence {study}` shows where the runs diverged.")
    _print_best(result)
    return code


def _json_values(result: SweepResult) -> dict[str, object]:
    return {
        "study": result.folder.name,
        "folder": str(result.folder),
        "runs": len(result.run_ids),
        **result.statuses,
        "trained": len(result.trained),
        # The key has had this name since version 0.1.
        "elsewhere": len(result.in_progress),
        "jobs": list(result.jobs),
    }


def _print_best(result: SweepResult) -> None:
    """Print the best setting of each branch of a search."""
    for best in result.best:
        overrides = " ".join(best.overrides)
        if math.isfinite(best.value):
            print(f"best {result.objective} {best.value:.4f}: {overrides}")
        else:
            print(f"no best setting of {overrides or 'the search'}: all diverged or failed")
