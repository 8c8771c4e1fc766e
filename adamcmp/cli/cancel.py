"""``adamcmp cancel``: remove the open plans of a study."""

from __future__ import annotations

import sys

from adamcmp.cli._options import add_results, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._study import add_study
from adamcmp.errors import counted

EXAMPLES = """\
example:
  adamcmp cancel first

Stored runs stay. Jobs of executor=slurm are cancelled. Workers save checkpoints
and stop, at the latest after two thirds of lease_seconds=.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser("cancel", "Stop the training of a study: remove its open plans.", EXAMPLES)
    add_study(parser)
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Remove the open plans of a study.

    Returns:
        0.
    """
    options = parser().parse(arguments)
    from adamcmp.workflows.standing_plans import cancel

    cancelled = cancel(results_root(options), options.study)
    if not cancelled.plans:
        print(f"Study {options.study!r} has no open plan.")
    else:
        numbers = ", ".join(map(str, cancelled.plans))
        missing, several = cancelled.runs, len(cancelled.plans) > 1
        runs = "" if missing is None else f", with {counted(missing, 'run')} not stored"
        print(
            f"Removed plan{'s' * several} {numbers} of study {options.study!r}{runs}. "
            f"Workers notice it within 120 s by default; they save checkpoints and stop."
        )
    for notice in cancelled.notices:
        print(f"adamcmp: {notice}", file=sys.stderr)
    return 0
