"""``adamcmp cancel``: remove the open plans of a study."""

from __future__ import annotations

from adamcmp.cli import _completers
from adamcmp.cli._options import add_results, results_root
from adamcmp.cli._parser import Parser

EXAMPLES = """\
example:
  adamcmp cancel first

Stored runs stay. Jobs of executor=slurm are cancelled. Workers save checkpoints
and stop, at the latest after half of lease_seconds=.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser("cancel", "Stop the training of a study: remove its open plans.", EXAMPLES)
    parser.add_argument(
        "study", metavar="STUDY", help="name of a study", completer=_completers.studies
    )
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Remove the open plans of a study.

    Returns:
        0.
    """
    options = parser().parse(arguments)
    from adamcmp.workflows.worker import cancel

    plans, missing = cancel(results_root(options), options.study)
    if not plans:
        print(f"Study {options.study!r} has no open plan.")
    else:
        numbers = ", ".join(str(plan.number) for plan in plans)
        print(
            f"Removed plan{'s' * (len(plans) > 1)} {numbers} of study {options.study!r}; {missing} "
            f"runs were not trained."
        )
    return 0
