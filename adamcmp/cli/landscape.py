"""``adamcmp landscape``: the paths of optimizers on a function of two variables."""

from __future__ import annotations

import contextlib
import json
import math
from typing import TYPE_CHECKING

from adamcmp.cli import _completers
from adamcmp.cli._options import add_config_dir
from adamcmp.cli._parser import Line, Parser, paths
from adamcmp.cli._tables import print_table
from adamcmp.cli._terminal import shown_if_slow
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.experiments.landscapes import Point

EXAMPLES = """\
examples:
  adamcmp landscape                              list the functions
  adamcmp landscape rosenbrock sgd adam_l2 adamw
  adamcmp landscape quadratic:condition=100:angle=0 sgd:momentum=0 sgd adam
  adamcmp landscape quadratic adam_l2 adamw wd=0.5 --out decay.gif
  adamcmp landscape noisy_valley sgd adam lr=0.05 steps=500 seed=1

An optimizer is a name of `adamcmp components optimizer`, with settings after
colons. Overrides such as wd= apply to all of them. Without lr=, each optimizer
has a learning rate that suits the function.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "landscape",
        "Draw paths of optimizers on a function of two variables.\n"
        "Without arguments, list the functions.",
        EXAMPLES,
    )
    parser.add_argument(
        "function",
        nargs="?",
        metavar="FUNCTION",
        help="function with its settings, such as quadratic:condition=100",
        completer=_functions,
    )
    parser.add_argument(
        "arguments",
        nargs="*",
        default=[],
        metavar="OPTIMIZER|OVERRIDE",
        help="optimizers, such as adam or sgd:momentum=0, and settings of all of them",
        completer=_completers.optimizers_and_overrides,
    )
    parser.add_argument("--start", metavar="X,Y", help="where the paths start")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="png, svg or pdf file, or a gif or mp4 file for an animation (default: FUNCTION.png)",
        completer=paths,
    )
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def main(arguments: list[str]) -> int:
    """Draw the paths, or list the functions."""
    options = parser().parse(arguments)
    from adamcmp.experiments.landscapes import LANDSCAPES, parse_landscape

    if options.function is None:
        for name, function in LANDSCAPES.items():
            print(f"{name:<14} {function.summary}")
        return 0
    parse_landscape(options.function)  # an error appears at once
    from adamcmp.workflows.landscape import (
        descent_row,
        follow_optimizers,
        picture_file,
        write_picture,
    )

    file = picture_file(options.out, options.function)
    start = _point(options.start)
    with shown_if_slow("drawing the paths"):
        descents = follow_optimizers(options.function, options.arguments, start, options.config_dir)
        write_picture(descents, file)
    rows = [descent_row(descent) for descent in descents.descents]
    if options.json:
        print(json.dumps({"paths": rows, "file": str(file)}))
        return 0
    print_table(rows)
    print(file)
    return 0


def _functions(_: Line) -> list[str]:
    from adamcmp.experiments.landscapes import LANDSCAPES

    return list(LANDSCAPES)


def _point(text: str | None) -> Point | None:
    """Return the point of a text such as ``-1.5,2``."""
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        x, y = map(float, text.split(","))
        if math.isfinite(x) and math.isfinite(y):
            return x, y
    raise ConfigError(f"--start {text}: should be two numbers, such as --start=-1.5,2")
