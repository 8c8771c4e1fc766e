"""``adamcmp equivalence``: whether an L2 penalty and weight decay are the same, by experiment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from adamcmp.cli import _completers
from adamcmp.cli._options import add_config_dir
from adamcmp.cli._parser import Parser, paths
from adamcmp.cli._tables import print_table
from adamcmp.cli._terminal import shown_if_slow, wrapped
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.experiments.distances import FormDistances
    from adamcmp.experiments.two_forms import FormComparison
    from adamcmp.workflows.equivalence import CheckedClaim

EXAMPLES = """\
examples:
  adamcmp equivalence                            ten optimizers
  adamcmp equivalence sgd adam lion              these, with default settings
  adamcmp equivalence sgd:momentum=0 adam:lr=0.001 wd=0.1 steps=500 seed=1
  adamcmp equivalence --out pictures             also draw the results
  adamcmp equivalence --check                    the algebra, claim by claim

An optimizer is a name of `adamcmp components optimizer`, with settings after
colons. Overrides such as wd= apply to all of them. The data are mnist1d and the
model is an MLP unless overrides choose others. Nothing is stored.
"""
#: Steps whose distances the table shows, in addition to the last one.
SHOWN_STEPS = (1, 10, 100)


def parser() -> Parser:
    """Return the parser of the command's arguments."""
    parser = Parser(
        "equivalence",
        "Test whether L2 regularization equals weight decay.\n"
        "Trains each optimizer with an L2 penalty and with decoupled weight decay, from\n"
        "the same weights on the same batches, and measures how far their weights differ.",
        EXAMPLES,
    )
    parser.add_argument(
        "arguments",
        nargs="*",
        default=[],
        metavar="OPTIMIZER|OVERRIDE",
        help="optimizers, such as adam or sgd:momentum=0, and settings of all runs",
        completer=_completers.optimizers_and_overrides,
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="evaluate the claims of the algebra instead, each with its largest deviation",
    )
    parser.add_argument(
        "--out", metavar="FOLDER", help="folder to write the pictures to", completer=paths
    )
    add_config_dir(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def main(arguments: list[str]) -> int:
    """Compare both forms of optimizers, or check the algebra.

    Returns:
        0; 1 if a claim of the algebra is not confirmed.
    """
    options = parser().parse(arguments)
    if not options.check:
        _compare(options.arguments, options.out, options.config_dir, as_json=options.json)
        return 0
    if options.arguments or options.out:
        raise ConfigError("--check takes neither optimizers nor overrides nor --out.")
    return _check(as_json=options.json)


def _compare(
    arguments: Sequence[str], out: str | None, config_dir: str | None, *, as_json: bool
) -> None:
    from adamcmp.workflows.equivalence import form_row, output_folder, train_forms, write_pictures

    folder = output_folder(out) if out else None
    with shown_if_slow("training both forms"):
        results = list(train_forms(arguments, config_dir))
    pictures = write_pictures(results, folder) if folder else []
    if as_json:
        values = {
            "optimizers": [form_row(result) for result in results],
            "pictures": [str(picture) for picture in pictures],
        }
        print(json.dumps(values))
        return
    for heading, rows in _tables(results).items():
        print(wrapped(heading))
        print_table(rows)
        print()
    print(wrapped(_conclusion(results)))
    for picture in pictures:
        print(picture)


def _tables(results: Sequence[FormComparison]) -> dict[str, list[dict[str, str]]]:
    """Return the rows of each table by its heading."""
    steps = results[0].distances.steps
    return {
        "Distance between the weights of the two forms, divided by their norm": [
            _distance_row(result.distances) for result in results
        ],
        f"The same after {steps[-1]} steps, divided by the distance between L2 and no decay": [
            _share_row(result.distances) for result in results
        ],
        "Decay of weights with small gradients, divided by that of weights with large ones": [
            {
                "optimizer": result.distances.optimizer.text,
                "L2": f"{result.l2.small_to_large:.1f}",
                "decoupled": f"{result.decoupled.small_to_large:.1f}",
            }
            for result in results
        ],
    }


def _distance_row(distances: FormDistances) -> dict[str, str]:
    last = distances.steps[-1]
    shown = dict.fromkeys([*(step for step in SHOWN_STEPS if step < last), last])
    values = {step: distances.distance[distances.steps.index(step)] for step in shown}
    return {
        "optimizer": distances.optimizer.text,
        "wd L2": f"{distances.coefficients.l2:g}",
        "decoupled": f"{distances.coefficients.matched:g}",
        **{f"step {step}": f"{value:.0e}" for step, value in values.items()},
    }


def _share_row(distances: FormDistances) -> dict[str, str]:
    coefficient, share = distances.closest
    return {
        "optimizer": distances.optimizer.text,
        "with this wd": f"{distances.share[-1]:.2f}",
        "with the closest wd": f"{share:.2f}",
        "closest wd": f"{coefficient:g}",
    }


def _conclusion(results: Sequence[FormComparison]) -> str:
    """Return for which optimizers both forms are the same update."""
    equal = [r.distances.optimizer.text for r in results if r.distances.is_rounding]
    others = [r.distances.optimizer.text for r in results if not r.distances.is_rounding]
    lines = []
    if any(r.distances.coefficients.gain not in (None, 1.0) for r in results):
        lines.append(
            "Momentum sums former gradients, and the decoupled wd is larger by that factor."
        )
    if equal:
        lines.append(f"The same up to rounding: {', '.join(equal)}.")
    if others:
        lines.append(f"Different: {', '.join(others)}.")
    return "\n".join(lines)


def _check(*, as_json: bool) -> int:
    from adamcmp.workflows.equivalence import check_claims

    checked = []
    if not as_json:
        print("topic     result deviation claim")
    for claim in check_claims():
        checked.append(claim)
        if not as_json:
            print(wrapped(_line(claim), " " * 27), flush=True)
    holds = all(claim.holds for claim in checked)
    if as_json:
        values = [{**asdict(claim), "holds": claim.holds} for claim in checked]
        print(json.dumps({"holds": holds, "claims": values}))
    return 0 if holds else 1


def _line(claim: CheckedClaim) -> str:
    verdict = {True: "true", False: "false"}[claim.is_true] if claim.holds else "NOT CONFIRMED"
    return f"{claim.topic:<9} {verdict:<6} {claim.deviation:<9.0e} {claim.text}"
