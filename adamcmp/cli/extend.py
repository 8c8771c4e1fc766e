"""``adamcmp extend``: extend the grids whose best setting is on an edge, or add seeds."""

from __future__ import annotations

from adamcmp.cli import _completers
from adamcmp.cli._options import add_allow_code, add_results, add_training, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._study import add_study
from adamcmp.cli._terminal import shown_if_slow, wrapped
from adamcmp.cli._training import add_overrides, print_plan, training_options

EXAMPLES = """\
examples:
  adamcmp extend first --dry-run
  adamcmp extend first workers=2
  adamcmp extend first seeds=5    five more seeds of each best setting
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "extend",
        "Extend the grids whose best setting is on an edge, or add seeds.\n"
        "If an optimizer's best lr or wd is the last value of its grid, train the next\n"
        "values, with the grid's spacing. With seeds=N, train N seeds of each optimizer's\n"
        "best setting that took no part in its selection.",
        EXAMPLES,
    )
    add_study(parser)
    add_overrides(
        parser, "seeds=, executor=, workers= or checkpoint_every=", _completers.extension_settings
    )
    add_training(parser)
    add_allow_code(parser)
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Train the cells beyond the edges of a study's grids, or seeds of its best settings.

    Returns:
        0; 1 if a run failed or another process is training some.
    """
    options = parser().parse(arguments)
    from adamcmp.cli.sweep import print_result
    from adamcmp.workflows.extend import configure_extension, extend

    with shown_if_slow(f"reading {options.study}"):
        extension = configure_extension(results_root(options), options.study, options.overrides)
    if not extension.config.runs and not options.json:
        print("No optimizer's best setting is on the edge of its grid.")
        return 0
    if not options.json:
        for edge in extension.edges:
            text = (
                f"{edge.optimizer} on {edge.problem}: best {edge.axis} {edge.best:g} is on the "
                f"edge of its grid; adding {edge.axis} {edge.beyond:g}"
            )
            print(wrapped(text))
    if options.dry_run and extension.config.runs:
        return print_plan(lambda: extension.config, options)
    result = extend(extension, training_options(options))
    return print_result(result, as_json=options.json)
