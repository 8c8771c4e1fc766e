"""How names and numbers are put in words."""

from __future__ import annotations

import math
from collections.abc import Iterable

#: What optimizers are called in print.
NAMES = {
    "adam": "Adam",
    "adam_l2": "Adam+L2",
    "adamw": "AdamW",
    "amsgrad": "AMSGrad",
    "amsgradw": "AMSGradW",
    "sgd": "SGD",
    "sgdw": "SGDW",
}


def display_name(optimizer: str) -> str:
    """Return what an optimizer is called in print: ``Adam+L2`` for ``adam_l2``.

    What tells variants apart stays: ``SGD (independent)``; others are called what they are.
    """
    name, space, variant = optimizer.partition(" ")
    return NAMES.get(name, name) + space + variant


def phrase(metric: str) -> str:
    """Return a metric in words."""
    return metric.replace("gap_", "gap in ").replace("_", " ")


def unit(metric: str) -> str:
    """Return the unit of a metric times `scale`."""
    return " points" if scale(metric) == 100 else ""


def digits(low: float, high: float) -> int:
    """Return the decimals that an interval's width bears: one or two digits of its half."""
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return 3
    return max(0, -math.floor(math.log10(half / 3)))


def scale(metric: str) -> int:
    """Return what a metric is multiplied by for people: fractions are given in points."""
    return 100 if metric.endswith(("error", "accuracy")) else 1


def fixed(value: float, places: int) -> str:
    """Return a number with some decimals, more where it would read 0, and a true minus sign."""
    while value and round(value, places) == 0 and places < 9:
        places += 1
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")


def p_text(p: float) -> str:
    """Return a p-value as text: ``= 0.004``, ``< 0.001``."""
    if p < 0.001:
        return "< 0.001"
    if p >= 0.1:
        return f"= {p:.2f}"
    return f"= {p:.2g}" if 0.045 <= p < 0.055 else f"= {p:.1g}"


def listed(names: Iterable[str]) -> str:
    """Return names as a list in words."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
