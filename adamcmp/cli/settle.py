"""``adamcmp settle``: add runs to a study until its audit asks for none, and report on it."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import TYPE_CHECKING

from adamcmp.cli._options import add_allow_code, add_results, add_training, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._study import add_execution_overrides, add_study
from adamcmp.cli._terminal import shown_if_slow, wrapped
from adamcmp.cli._training import print_plan, training_options
from adamcmp.errors import counted
from adamcmp.platform.addresses import study_arguments

if TYPE_CHECKING:
    from adamcmp.workflows.settle import Round, SettleResult, Settling

EXAMPLES = """\
examples:
  adamcmp settle first --dry-run      the first round, and how long it takes
  adamcmp settle first --budget 200   train at most 200 runs
  adamcmp settle first workers=2

The same command continues an interrupted one.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "settle",
        "Add runs to a study until its audit asks for none, then report.\n"
        "In rounds: the next values of a grid whose best setting is on its edge; equal\n"
        "tuning budgets; the same evaluation seeds for the best setting of each\n"
        "optimizer; and as many more as the verdict says would detect a difference. A\n"
        "round that does not fit into the budget is not trained.",
        EXAMPLES,
    )
    add_study(parser)
    add_execution_overrides(parser)
    parser.add_argument(
        "--budget",
        type=int,
        metavar="RUNS",
        help="maximum number of runs to train (default: as many as the study has)",
    )
    add_training(parser, retrains=False)
    add_allow_code(parser)
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Add runs to a study in rounds, and report on it.

    Returns:
        0; 1 if a run, a statistic or a plot failed, or another process is training some runs.
    """
    options = parser().parse(arguments)
    from adamcmp.cli.report import print_report
    from adamcmp.cli.sweep import print_result
    from adamcmp.workflows.settle import configure_settling, settle

    with shown_if_slow(f"reading {options.study}"):
        settling = configure_settling(
            results_root(options), options.study, options.budget, options.overrides
        )
    if options.dry_run:
        return _print_next_round(settling, options)
    numbers = itertools.count(1)

    def on_round(finished: Round) -> None:
        if not options.json:
            print(wrapped(f"round {next(numbers)}: {finished.text}"), flush=True)

    result = settle(settling, training_options(options), on_round=on_round)
    if options.json:
        print(json.dumps(_json_values(result)))
    elif not result.complete:
        print_result(result.rounds[-1].result, as_json=False)
    else:
        print(wrapped(_outcome(result)))
    if result.report and not options.json:
        print_report(result.report)
    report_failed = result.report is not None and result.report.answer.failed
    return 0 if result.complete and not report_failed else 1


def _print_next_round(settling: Settling, options: argparse.Namespace) -> int:
    from adamcmp.workflows.settle import SettleResult, planned_round

    text, config = planned_round(settling)
    if config is None:
        result = SettleResult(settling.folder, settling.budget)
        print(json.dumps(_json_values(result)) if options.json else _outcome(result))
        return 0
    if not options.json:
        print(wrapped(f"next round: {text}; the budget is {counted(settling.budget, 'run')}"))
    return print_plan(lambda: config, options)


def _outcome(result: SettleResult) -> str:
    """Return whether the study is settled, and what is left to do."""
    used = f"{result.trained} of at most {counted(result.budget, 'run')} trained"
    if result.remaining:
        study = study_arguments(result.folder)
        return (
            f"not settled: {used}. The next round does not fit into the budget: "
            f"{result.remaining}.\n"
            f"To continue: adamcmp settle {study} --budget {result.remaining_runs}"
        )
    reasons = result.provisional_because
    finding = f". More runs do not change this finding: {'; '.join(reasons)}." if reasons else ""
    return f"settled: {used}{finding}"


def _json_values(result: SettleResult) -> dict[str, object]:
    return {
        "study": result.folder.name,
        "folder": str(result.folder),
        "budget": result.budget,
        "trained": result.trained,
        "rounds": [finished.text for finished in result.rounds],
        "complete": result.complete,
        "settled": result.settled,
        "remaining": result.remaining,
        "remaining_runs": result.remaining_runs,
    }
