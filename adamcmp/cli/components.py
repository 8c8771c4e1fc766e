"""``adamcmp components``: the components that can be named on a command line."""

from __future__ import annotations

from adamcmp.cli._options import add_config_dir
from adamcmp.cli._parser import Parser
from adamcmp.cli._terminal import wrapped
from adamcmp.components.names import CONFIG_GROUP_NAMES, OPTIONS_OF

EXAMPLES = """\
examples:
  adamcmp components                                  all components
  adamcmp components optimizer                        the optimizers
  adamcmp components optimizer --config-dir configs   including yours

A component is selected as GROUP=NAME, as in `adamcmp run optimizer=sgdw`.
`adamcmp run --cfg job optimizer=sgdw` shows its settings.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "components",
        "List datasets, models, optimizers, schedules, losses.\nAlias: parts.",
        EXAMPLES,
    )
    parser.add_argument(
        "group",
        nargs="?",
        metavar="GROUP",
        help=f"list one group only: {', '.join(CONFIG_GROUP_NAMES)}",
        completer=lambda _: CONFIG_GROUP_NAMES,
    )
    add_config_dir(parser)
    return parser


def main(arguments: list[str]) -> int:
    """List components."""
    options = parser().parse(arguments)
    from adamcmp.workflows.components import list_components

    for group, components in list_components(options.group, options.config_dir).items():
        also = [name for name, options in OPTIONS_OF.items() if options == group]
        print(f"{group}=", *(f"(also {name}=)" for name in also))
        for name, description in components.items():
            print(wrapped(f"  {name:<16} {description}", " " * 19))
    return 0
