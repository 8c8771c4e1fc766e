"""``adamcmp components``: the components that can be named on a command line."""

from __future__ import annotations

from adamcmp.cli._options import add_config_dir
from adamcmp.cli._parser import Parser
from adamcmp.cli._tables import fitted_table
from adamcmp.cli._terminal import notify, wrapped
from adamcmp.components.names import CONFIG_GROUP_NAMES, OPTIONS_OF
from adamcmp.errors import ConfigError

EXAMPLES = """\
examples:
  adamcmp components                                  all components
  adamcmp components optimizer                        the optimizers
  adamcmp components optimizer --config-dir configs   including yours
  adamcmp components optimizer --cost                 time and state of rules

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
    parser.add_argument(
        "--cost",
        action="store_true",
        help="measure the time of a step of each optimizer on this machine, and the size of its "
        "state, in about half a minute; reports show them too",
    )
    add_config_dir(parser)
    return parser


def main(arguments: list[str]) -> int:
    """List components, or what optimizers cost."""
    options = parser().parse(arguments)
    if options.cost:
        _print_costs(options.group, options.config_dir)
        return 0
    from adamcmp.workflows.components import list_components

    for group, components in list_components(options.group, options.config_dir).items():
        also = [name for name, options in OPTIONS_OF.items() if options == group]
        print(f"{group}=", *(f"(also {name}=)" for name in also))
        width = max(16, *map(len, components))
        for name, description in components.items():
            print(wrapped(f"  {name:<{width}} {description}", " " * (width + 3)))
    return 0


def _print_costs(group: str | None, config_dir: str | None) -> None:
    if group != "optimizer":
        raise ConfigError("--cost is for optimizers: `adamcmp components optimizer --cost`.")
    from adamcmp.workflows.components import rule_costs

    costs = rule_costs(config_dir, lambda name: notify(f"measuring {name} ..."))
    columns = {
        "optimizer": list(costs),
        "MLP (µs)": [f"{cost.mlp_us:,.0f}" for cost in costs.values()],
        "matrix (µs)": [f"{cost.matrix_us:,.0f}" for cost in costs.values()],
        "state, MLP": [f"{cost.mlp_state:.2f}" for cost in costs.values()],
        "state, matrix": [f"{cost.matrix_state:.2f}" for cost in costs.values()],
    }
    print(fitted_table(columns, list(columns)[1:]))
    print(
        wrapped(
            "Microseconds of processor time per step in one thread on this machine, without the "
            "gradients: all parameters of an MLP 40-100-100-10, and one 1,024 × 1,024 matrix. "
            "State: numbers kept for each parameter."
        )
    )
