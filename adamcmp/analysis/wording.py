"""Format names, numbers and metrics as text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from adamcmp.storage.columns import RUN_COLUMNS

#: Display names of optimizers.
NAMES = {
    "adabelief": "AdaBelief",
    "adabound": "AdaBound",
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adam_l2": "Adam+L2",
    "adamax": "Adamax",
    "adan": "Adan",
    "adamw": "AdamW",
    "adopt": "ADOPT",
    "aggmo": "AggMo",
    "amsgrad": "AMSGrad",
    "amsgradw": "AMSGradW",
    "asgd": "ASGD",
    "lamb": "LAMB",
    "lion": "Lion",
    "muon": "Muon",
    "nadam": "NAdam",
    "prodigy": "Prodigy",
    "qhadam": "QHAdam",
    "radam": "RAdam",
    "rmsprop": "RMSprop",
    "rprop": "Rprop",
    "schedulefree_adamw": "ScheduleFree AdamW",
    "schedulefree_sgd": "ScheduleFree SGD",
    "sgd": "SGD",
    "sgdw": "SGDW",
    "soap": "SOAP",
}


def display_name(optimizer: str) -> str:
    """Return the display name of an optimizer; its variant, and other names, stay unchanged.

    >>> display_name("adam_l2"), display_name("sgd (independent)"), display_name("mine")
    ('Adam+L2', 'SGD (independent)', 'mine')
    >>> display_name("adamw, lr 0.1")  # a label of plots that compare several columns
    'AdamW, lr 0.1'
    """
    name = re.split("[ ,]", optimizer, maxsplit=1)[0]
    return NAMES.get(name, name) + optimizer[len(name) :]


def metric_phrase(metric: str) -> str:
    """Return a metric as a phrase.

    >>> metric_phrase("gap_error")
    'gap in error'
    """
    phrase = metric.replace("gap_", "gap in ").replace("val_", "validation ")
    return phrase.replace("_", " ")


def metric_heading(metric: str, *, difference: bool = False) -> str:
    """Return a metric with the unit in which tables and plots show it.

    >>> metric_heading("test_error"), metric_heading("gap_error"), metric_heading("test_loss")
    ('test error (%)', 'gap in error (points)', 'test loss')

    Args:
        metric: A metric's column.
        difference: Whether the values are differences of this metric.
    """
    return metric_phrase(metric) + bracketed_unit(metric, difference=difference)


def bracketed_unit(metric: str, *, difference: bool = False) -> str:
    """Return the unit in which a metric is shown, in brackets after a space; "" without a unit.

    >>> bracketed_unit("val_accuracy"), bracketed_unit("test_error", difference=True)
    (' (%)', ' (points)')

    Args:
        metric: A metric's column.
        difference: Whether the values are differences of this metric.
    """
    if scale(metric) == 1:
        return ""
    return " (points)" if difference or "gap_" in metric else " (%)"


def scale(metric: str) -> int:
    """Return the factor by which a metric is multiplied in text: 100 for fractions."""
    return 100 if metric in RUN_COLUMNS and RUN_COLUMNS[metric].unit == "fraction" else 1


def unit(metric: str) -> str:
    """Return the unit of a metric multiplied by `scale`, preceded by a space."""
    return " points" if scale(metric) == 100 else ""


def decimals(low: float, high: float) -> int:
    """Return the decimals that show one or two digits of an interval's half-width."""
    half = (high - low) / 2
    if not math.isfinite(half) or half <= 0:
        return 3
    return max(0, -math.floor(math.log10(half / 3)))


def format_fixed(value: float, places: int) -> str:
    """Return a number with `places` decimals, or more if it would round to 0.

    >>> format_fixed(0.004, 1), format_fixed(-0.44, 1)
    ('0.004', '−0.4')
    """
    while value and round(value, places) == 0 and places < 9:
        places += 1
    # Adding 0.0 turns −0.0 into 0.0.
    return f"{round(value, places) + 0.0:.{places}f}".replace("-", "−")


def format_p(p: float) -> str:
    """Return a p-value with its sign of comparison.

    >>> format_p(0.0042), format_p(0.0002)
    ('= 0.004', '< 0.001')
    """
    if p < 0.001:
        return "< 0.001"
    if p >= 0.1:
        return f"= {p:.2f}"
    # Close to 0.05, a second digit shows which side of it p is on.
    return f"= {p:.2g}" if 0.045 <= p < 0.055 else f"= {p:.1g}"


#: Largest number of optimizers that a sentence names; it counts the others.
MOST_NAMES = 8


def join_names(names: Iterable[str], most: int | None = None) -> str:
    """Return names as a list in a sentence.

    >>> join_names(["Adam", "AdamW", "SGD"]), join_names(["Adam", "AdamW", "SGD", "Lion"], most=2)
    ('Adam, AdamW and SGD', 'Adam, AdamW and 2 others')

    Args:
        names: The names.
        most: Names beyond this number are counted, if there are several. None lists all.
    """
    listed = list(names)
    if most is not None and len(listed) > most + 1:
        listed = [*listed[:most], f"{len(listed) - most} others"]
    *first, last = listed
    return f"{', '.join(first)} and {last}" if first else last


def covered_samples(*, data: bool, examples: bool) -> str:
    """Return the samples that an interval over seeds covers, as in the column ``covers``.

    >>> covered_samples(data=True, examples=True)
    'seeds, data and examples'

    Args:
        data: Whether the data of the runs vary with the seed.
        examples: Whether the interval contains the variance of the test examples.
    """
    return join_names(["seeds", *["data"] * data, *["examples"] * examples])
