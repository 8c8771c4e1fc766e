"""``adamcmp logs``: show the output of a study's jobs."""

from __future__ import annotations

from adamcmp.cli._options import add_results, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._study import add_study

EXAMPLES = """\
examples:
  adamcmp logs first
  adamcmp logs first --lines 100

Jobs are started by executor=slurm and executor=ray.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser("logs", "Show the output of the jobs that train a study.", EXAMPLES)
    add_study(parser)
    parser.add_argument(
        "--lines",
        type=int,
        default=10,
        metavar="N",
        help="show the last N lines of each job (default: 10)",
    )
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Show the last lines of the output of each job, the latest job last.

    Returns:
        0.
    """
    options = parser().parse(arguments)
    from adamcmp.workflows.logs import job_outputs

    outputs = job_outputs(results_root(options), options.study, options.lines)
    for path, lines in outputs.items():
        print("\n".join([f"==> {path}", *lines, ""]))
    if not outputs:
        print(
            f"Study {options.study!r} has no output of jobs. Jobs of executor=slurm and "
            f"executor=ray write output once they run."
        )
    return 0
