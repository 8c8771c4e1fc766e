"""``adamcmp show``: one run's configuration, outcome, provenance and learning curve."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adamcmp.cli._options import add_results, results_root
from adamcmp.cli._parser import Parser
from adamcmp.cli._tables import format_value
from adamcmp.cli._terminal import elided, shown_if_slow, width
from adamcmp.components.names import CONFIG_GROUP_NAMES

if TYPE_CHECKING:
    from adamcmp.workflows.listing import StoredRun

EXAMPLES = """\
examples:
  adamcmp show 3f2a            the run whose id begins with 3f2a, in any study
  adamcmp show first/3f2a      the same, in study first only
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "show", "Show one run: configuration, outcome, provenance, learning curve.", EXAMPLES
    )
    parser.add_argument("run", metavar="RUN", help="a run's id or its first digits, or STUDY/RUN")
    add_results(parser)
    return parser


def main(arguments: list[str]) -> int:
    """Show one run."""
    options = parser().parse(arguments)
    from adamcmp.workflows.listing import find_run

    with shown_if_slow("reading the runs"):
        run = find_run(results_root(options), options.run)
    for title, values in _sections(run).items():
        print(elided(title, width()))
        for key, value in values.items():
            if value is not None:
                print(_line(key, format_value(value)))
    if run.metrics:
        _print_curve(run.metrics)
    return 0


def _sections(run: StoredRun) -> dict[str, dict[str, Any]]:
    """Return the run's columns by section of the output."""
    from adamcmp.storage.columns import SHORT_NAMES, Role, columns_with_role, role_of

    row = run.row
    components = {group: row[group] for group in CONFIG_GROUP_NAMES if group in row}
    settings = {k: v for k, v in row.items() if role_of(k) is Role.SETTING and k not in components}
    outcome = columns_with_role(Role.DERIVED, Role.OUTCOME, Role.METRIC)
    return {
        f"run {row['run_id']} of {run.folder}": components,
        # Settings with a short name are in the column of that name, too.
        "config": {k: v for k, v in settings.items() if k not in SHORT_NAMES},
        "outcome": {k: row.get(k) for k in outcome},
        "provenance": {k: row.get(k) for k in columns_with_role(Role.PROVENANCE)},
    }


def _line(key: str, value: str) -> str:
    """Return a key and its value, whose lines are wrapped to the width of tables."""
    indent = 29
    # A word that is too long, such as a path, is broken, not elided: nothing else shows it.
    fitted = (textwrap.wrap(v, width() - indent, break_on_hyphens=False) for v in value.split("\n"))
    lines = [line for each in fitted for line in each or [""]]
    return f"  {key:<{indent - 3}} " + f"\n{' ' * indent}".join(lines)


def _print_curve(metrics: Sequence[Mapping[str, Any]]) -> None:
    import plotext

    last = metrics[-1]
    has_test = any(last.get(f"test_{m}") is not None for m in ("loss", "error"))
    evaluated = "test" if has_test else "val"
    measure = "error" if last.get(f"{evaluated}_error") is not None else "loss"
    plotext.clear_figure()
    for split, marker in (("train", "braille"), (evaluated, "•")):
        points = [(m["epoch"], m[f"{split}_{measure}"]) for m in metrics]
        drawn = [(x, y) for x, y in points if y is not None]
        plotext.plot([x for x, _ in drawn], [y for _, y in drawn], label=split, marker=marker)
    plotext.plotsize(80, 16)
    plotext.title(measure)
    plotext.xlabel("epochs")
    print(plotext.uncolorize(plotext.build()))
