#!/usr/bin/env python3
"""Write the table of inspected optimizers into docs/guides/inspecting.md. Takes a minute.

scripts/inspection_table.py
"""

from __future__ import annotations

import re
from pathlib import Path

import adamcmp
from adamcmp import Inspection
from adamcmp.inspection.ranking import SAME

PAGE = Path(__file__).parents[1] / "docs" / "guides" / "inspecting.md"
WD = "weight_decay=0.1"
#: The inspected classes with their settings, and what their documentation says otherwise.
OPTIMIZERS: dict[str, dict[str, str]] = {
    "torch.optim": {
        f"SGD {WD}": "",
        f"SGD {WD} momentum=0.9": "",
        f"Adam {WD}": "",
        f"Adam {WD} amsgrad=True": "",
        f"AdamW {WD}": "",
        f"NAdam {WD}": "",
        f"NAdam {WD} decoupled_weight_decay=True": "",
        f"RAdam {WD}": "",
        f"RAdam {WD} decoupled_weight_decay=True": "",
        f"Adagrad {WD}": "",
        f"Adadelta {WD}": "",
        f"RMSprop {WD}": "",
        f"Adamax {WD}": "",
        f"Adafactor {WD}": "",
        f"ASGD {WD}": "`lambd`, 1e-4 by default, decays too",
        f"Muon {WD}": "its documentation calls the argument an L2 penalty",
        "Rprop": "takes no weight decay",
        "SparseAdam": "takes no weight decay",
        "LBFGS": "takes no weight decay",
    },
    "pytorch_optimizer": {
        f"AdaBelief {WD}": "",
        f"AdaBelief {WD} fixed_decay=True": "",
        f"AdaBound {WD}": "",
        f"AdaMod {WD}": "",
        f"AdamC {WD}": "",
        f"AdamC {WD} group.normalized=True": "a key of its parameter group",
        f"AdamP {WD}": "a tenth (`wd_ratio`) for weights that are orthogonal to their gradients",
        f"AdamS {WD}": "its stable weight decay is divided by the size of all gradients",
        f"Adai {WD}": "",
        f"Adan {WD}": "proximal, θ ← θ/(1 + lr·wd); documented as added to the gradient",
        f"ADOPT {WD}": "",
        f"AggMo {WD}": "",
        f"BSAM {WD} num_data=100": "`weight_decay` multiplies the gradient instead",
        f"CAME {WD}": "",
        f"DiffGrad {WD}": "",
        "Fromage": "divides the weights by √(1 + lr²)",
        f"Lamb {WD}": "outside the trust ratio, unlike in the paper",
        f"Lamb {WD} weight_decouple=False": (
            "inside the trust ratio; documented as added to the gradient"
        ),
        f"LARS {WD}": "",
        f"LaProp {WD}": "",
        f"Lion {WD}": "",
        f"MADGRAD {WD}": "",
        "Nero": "",
        f"NovoGrad {WD}": "added after the normalization; documented as added to the gradient",
        f"Prodigy {WD}": "",
        f"QHAdam {WD}": "",
        f"RAdam {WD}": "torch's class of this name has `l2`",
        f"Ranger {WD}": "",
        f"SGDP {WD} momentum=0.9": "",
        f"SGDW {WD} momentum=0.9": "",
        f"SOAP {WD}": "",
        f"StableAdamW {WD}": "",
        f"Tiger {WD}": "",
        f"Yogi {WD}": "",
    },
    "schedulefree": {f"AdamWScheduleFree {WD}": "", f"SGDScheduleFree {WD}": ""},
    "prodigyopt": {f"Prodigy {WD}": ""},
}


def with_table(page: str) -> str:
    """Return the page's text with the present table between its marks.

    Raises:
        SystemExit: If the marks are missing.
    """
    marks = re.compile(r"(<!-- optimizers -->\n).*?(<!-- end -->)", re.DOTALL)
    page, count = marks.subn(lambda match: f"{match[1]}{table()}\n{match[2]}", page)
    if count != 1:
        raise SystemExit(f"{PAGE} must have exactly one place for the table, not {count}.")
    return page


def table() -> str:
    """Return the rows of all optimizers in Markdown."""
    heads = ("optimizer", "coupling", "decay", "× argument", "nearest in adamcmp", "difference", "")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for module, optimizers in OPTIMIZERS.items():
        for words, remark in optimizers.items():
            name, *settings = words.split()
            result = adamcmp.inspect(f"{module}.{name}", settings)
            shown = " ".join([name, *(s for s in settings if s != WD)])
            lines.append(f"| `{module}.{shown}` | {' | '.join(cells(result))} | {remark} |")
    return "\n".join(lines)


def cells(result: Inspection) -> list[str]:
    """Return the cells of a result: coupling, formula, factor, nearest variant, difference."""
    nearest, *settings = result.nearest or ("",)
    hidden = ("lr=", "wd=", "optimizer.coupling=")
    shown = " ".join([nearest, *(s for s in settings if not s.startswith(hidden))])
    difference = result.difference
    return [
        f"`{result.coupling}`" if result.exact else f"none; like `{result.coupling}`",
        result.formula.replace("|", r"\|"),
        f"{result.argument.factor:.3g}" if result.argument else "",
        f"`{shown}`" if result.is_near else "",
        "" if not result.is_near else "none" if difference < SAME else f"{difference:.0e}",
    ]


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
