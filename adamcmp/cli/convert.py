"""``adamcmp convert``: one coefficient of weight decay in every convention."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from typing import Any

from adamcmp.cli._parser import Line, Parser
from adamcmp.cli._tables import print_table
from adamcmp.cli._terminal import width
from adamcmp.errors import ConfigError, shortened
from adamcmp.workflows.convert import (
    CONVENTIONS,
    INPUTS,
    L2_NOTE,
    Conversion,
    conversions,
    convert,
)

_ROWS = "\n".join(f"  {c.name:<18} {c.meaning:<34} {c.formula}" for c in CONVENTIONS.values())
EXAMPLES = f"""\
examples:
  adamcmp convert wd=0.1 --from decoupled --lr 1e-3
  adamcmp convert wd=0.025 --from normalized --to decoupled --lr 1e-3 \\
      --batch-size 128 --samples 50000 --epochs 100

conventions, and the share c by which a step shrinks the weights where the
schedule's multiplier is 1 (b: batch size, B: samples, T: epochs of training):
{_ROWS}
The paper is Loshchilov & Hutter 2019.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "convert",
        "Convert a weight decay between conventions.\n"
        "Without --to, it prints all conventions that the given flags suffice for.",
        EXAMPLES,
    )
    parser.add_argument(
        "wd",
        metavar="wd=VALUE",
        help="the coefficient; a time scale is given as wd=, too",
        completer=lambda _: ["wd="],
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="CONVENTION",
        required=True,
        help="the convention of the coefficient",
        completer=_conventions,
    )
    parser.add_argument(
        "--to",
        dest="target",
        metavar="CONVENTION",
        help="the only convention to print",
        completer=_conventions,
    )
    parser.add_argument("--lr", type=float, help="the learning rate")
    parser.add_argument("--batch-size", type=float, metavar="N", help="examples of a batch")
    parser.add_argument("--samples", type=float, metavar="N", help="training examples")
    parser.add_argument("--epochs", type=float, metavar="N", help="epochs of training")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def main(arguments: list[str]) -> int:
    """Print a coefficient in other conventions."""
    options = parser().parse(arguments)

    wd = _coefficient(options.wd)
    inputs = {name: getattr(options, name) for name in INPUTS}
    if options.target is not None:
        convert(wd, options.source, options.target, **inputs)  # raises if an input is missing
    shown = (options.target,) if options.target else CONVENTIONS
    converted = {c.convention.name: c for c in conversions(wd, options.source, inputs)}
    results = [converted[name] for name in shown]
    if options.json:
        values = [_json_row(result) for result in results]
        print(json.dumps({"from": options.source, "conversions": values, "note": L2_NOTE}))
    else:
        print_table(_table_row(result) for result in results)
        print("\n" + textwrap.fill(L2_NOTE, width()))
    return 0


def _conventions(_: Line) -> Iterable[str]:
    return CONVENTIONS


def _coefficient(argument: str) -> float:
    key, equals, value = argument.rpartition("=")
    try:
        if equals and key not in ("wd", "weight_decay"):
            raise ValueError
        return float(value)
    except ValueError:
        raise ConfigError(f"{shortened(argument)}: should be wd=NUMBER, such as wd=0.1.") from None


def _json_row(result: Conversion) -> dict[str, Any]:
    convention = result.convention
    return {
        "convention": convention.name,
        "value": result.value,
        "meaning": convention.meaning,
        "formula": convention.formula,
        "missing": list(result.missing),
    }


def _table_row(result: Conversion) -> dict[str, str]:
    flags = " ".join(f"--{name.replace('_', '-')}" for name in result.missing)
    return {
        "convention": result.convention.name,
        "value": f"needs {flags}" if flags else f"{result.value:.4g}",
        "formula": result.convention.formula,
        "meaning": result.convention.meaning,
    }
