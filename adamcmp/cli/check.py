"""``adamcmp check``: whether a component of the user's keeps what every component promises."""

from __future__ import annotations

import json
import shlex
import shutil
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from adamcmp.cli import _completers
from adamcmp.cli._options import add_config_dir
from adamcmp.cli._parser import Parser
from adamcmp.cli._training import add_overrides

if TYPE_CHECKING:
    from adamcmp.workflows.check import Check

EXAMPLES = """\
examples:
  adamcmp check mynets.Net                       a model: class Net in mynets.py
  adamcmp check mynets.Net dataset=digits +model.width=64
  adamcmp check myopt.Mine lr=0.01               a torch.optim.Optimizer
  adamcmp check data.csv dataset.target=label    a dataset's file
  adamcmp check model=cnn                        a component by its name

checks, on runs of two steps:
  data          the dataset loads, and is the same each time
  build         model and optimizer can be built; outputs have the right shape
  training      the loss is finite, and the parameters change
  determinism   a run has the same bits when it is trained again
  state         a run has the same bits after an interruption
  lanes         a run has the same bits together with other runs
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "check",
        "Check that your model, optimizer or dataset works.\nThe exit code is 1 if a check fails.",
        EXAMPLES,
    )
    parser.add_argument(
        "target",
        metavar="TARGET",
        help="dotted path of a class or function, path of a dataset's file, or GROUP=NAME",
        completer=_completers.overrides_and_paths,
    )
    add_overrides(parser, "further settings, such as the dataset to check a model on")
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def main(arguments: list[str]) -> int:
    """Check a component.

    Returns:
        0; 1 if a check failed.
    """
    options = parser().parse(arguments)
    from adamcmp.workflows.check import check_component, component_overrides

    checks = []
    for check in check_component(options.target, options.overrides, options.config_dir):
        checks.append(check)
        if not options.json:
            print(_row(check), flush=True)
    holds = all(check.status == "ok" for check in checks)
    if holds and not options.json:
        command = ["adamcmp", "run", *component_overrides(options.target), *options.overrides]
        print(f"All checks hold. `{shlex.join(command)}` trains a run.")
    if options.json:
        values = {"target": options.target, "holds": holds, "checks": [asdict(c) for c in checks]}
        print(json.dumps(values))
    return 0 if holds else 1


def _row(check: Check) -> str:
    """Return a check as a row of a table, with the detail wrapped to the terminal's width."""
    columns = f"{check.name:<12} {check.status:<8} "
    width = shutil.get_terminal_size().columns
    indent = " " * len(columns)
    return textwrap.fill(columns + check.detail, width, subsequent_indent=indent)
