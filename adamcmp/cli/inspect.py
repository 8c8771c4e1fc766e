"""``adamcmp inspect``: how an optimizer decays weights, measured by experiment."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from adamcmp.cli._parser import Line, Parser
from adamcmp.cli._terminal import width

if TYPE_CHECKING:
    from adamcmp.inspection.report import Inspection
    from adamcmp.inspection.rule_probes import UpdateRule

EXAMPLES = """\
examples:
  adamcmp inspect torch.optim.AdamW weight_decay=0.1
  adamcmp inspect mymodule.MyAdam weight_decay=0.1 'betas=(0.9,0.95)'
  adamcmp inspect adamw wd=0.1 coupling=independent     an optimizer of adamcmp
  adamcmp inspect optax.adamw weight_decay=0.1          if optax is installed
  adamcmp inspect mymodule.MyMuon group.use_muon=true   of its parameter group

The optimizer is a black box: it gets chosen weights, gradients and learning
rates, and only its updates are observed.
"""


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "inspect",
        "Measure how an optimizer decays weights.\n"
        "Prints its coupling of weight decay, and the nearest optimizer of adamcmp.",
        EXAMPLES,
    )
    parser.add_argument(
        "target",
        metavar="OPTIMIZER",
        help="dotted path of a torch.optim class or optax function, or an optimizer of adamcmp",
        completer=_optimizers,
    )
    parser.add_argument(
        "settings", nargs="*", metavar="NAME=VALUE", help="its arguments, such as weight_decay=0.1"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def main(arguments: list[str]) -> int:
    """Inspect an optimizer."""
    options = parser().parse(arguments)
    from adamcmp.workflows.inspect import inspect_optimizer

    inspection = inspect_optimizer(options.target, options.settings)
    if options.json:
        print(json.dumps(inspection.as_dict(), default=str))
        return 0
    for heading, text in _rows(inspection):
        indent = " " * 14
        print(textwrap.fill(f"{heading:<14}{text}", width(), subsequent_indent=indent))
    return 0


def _optimizers(_: Line) -> list[str]:
    from adamcmp.workflows.components import list_components

    return [name for name in list_components("optimizer")["optimizer"] if name != "torch"]


def _rows(inspection: Inspection) -> Iterator[tuple[str, str]]:
    """Yield headings and texts."""
    given = ", ".join(f"{name}={value}" for name, value in inspection.settings.items())
    yield "optimizer", f"{inspection.target}({given})"
    prefix = "" if inspection.exact else "none of adamcmp's; most similar: "
    yield "coupling", f"{prefix}{inspection.coupling}"
    yield "decay", _decay(inspection)
    yield "update rule", ", ".join(_properties(inspection.rule)) or "unknown"
    if inspection.nearest is not None and not inspection.is_near:
        yield "nearest", "none of adamcmp's"
    elif inspection.nearest is not None:
        yield "nearest", " ".join(("adamcmp run", *inspection.nearest))
        yield "difference", f"{inspection.difference:.1e} of the distance that the weights move"
    yield "confidence", inspection.confidence
    for text in inspection.cannot_tell:
        yield "cannot tell", text
    for text in inspection.warnings:
        yield "warning", text


def _decay(inspection: Inspection) -> str:
    if inspection.coefficient is None:
        return inspection.formula
    argument = inspection.argument
    source = f", {argument.factor:g} × {argument.name}" if argument else ""
    strength = (
        inspection.decay.step_ratio if inspection.decay.follows_step else inspection.decay.strength
    )
    wd = inspection.coefficient if inspection.exact else strength
    return f"{inspection.formula}, wd = {wd:.4g}{source}"


def _properties(rule: UpdateRule) -> Iterator[str]:
    """Yield what is known of an update rule."""
    if rule.copies_weights:
        yield "keeps a copy of the weights"
    if rule.is_normalized:
        yield "the size of steps does not depend on that of gradients"
    elif rule.gradient_exponent is not None:
        yield f"steps grow with |g|^{rule.gradient_exponent:g}"
    if rule.momentum is False:
        yield "no momentum"
    elif rule.lr_in_momentum is not None:
        yield f"lr {'inside' if rule.lr_in_momentum else 'outside'} the momentum"
    yield from _denominator(rule)


def _denominator(rule: UpdateRule) -> Iterator[str]:
    if rule.sign:
        yield "all weights move equally"
    if rule.eps_in_root is not None:
        size = "" if rule.eps is None else f" = {rule.eps:g}"
        yield f"ε{size} {'inside' if rule.eps_in_root else 'outside'} the root"
    if rule.bias_correction is not None:
        yield "bias correction" if rule.bias_correction else "no bias correction"
    if rule.squares_summed:
        yield "sums squares"
    elif rule.maximum_kept is not None:
        yield "keeps the maximum" if rule.maximum_kept else "keeps no maximum"
