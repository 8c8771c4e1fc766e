"""Texts on plots: names of metrics and axes, and notes on intervals."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from adamcmp.analysis.wording import bracketed_unit, scale
from adamcmp.storage.columns import BASE_METRICS

#: Minimum number of seeds for which an interval is drawn. With two seeds, Student's interval
#: reaches nine standard deviations to each side.
MIN_SEEDS = 3

#: The possible horizontal axes of a curve, with their labels.
X_LABELS = {
    "epoch": "epochs",
    "step": "steps",
    "examples": "training examples",
    "wall_time_s": "seconds (a run's share of its group)",
}

_LOSSES = {"cross_entropy": "cross-entropy (nats)", "mse": "mean squared error"}
_SPLITS = {"train": "training ", "val": "validation ", "test": "test ", "gap": "gap in "}


def display_text(text: str, width: int = 40) -> str:
    """Return text wrapped to a width, with ``$`` escaped so that matplotlib sets no formula."""
    return textwrap.fill(text, max(width, 10)).replace("$", r"\$")


def tick_labels(values: Sequence[float]) -> list[str]:
    """Return the labels of an axis' values, all in one form.

    These are powers of two or ten if all values are; else decimal numbers, or where these would be
    long, numbers with an exponent.

    >>> tick_labels([0, 0.25, 0.5]), tick_labels([0.0032, 0.1]), tick_labels([3.2e-5, 0.1])
    (['0', '$2^{-2}$', '$2^{-1}$'], ['0.0032', '0.1'], ['3.2e-5', '1e-1'])
    """
    positive = [value for value in values if value > 0]
    for base, log in ((2, np.log2), (10, np.log10)):
        powers = log(positive)
        if np.allclose(powers, np.round(powers), atol=1e-6) and len(powers) > 1:
            texts = [f"${base}^{{{round(power)}}}$" for power in powers]
            break
    else:
        is_short = all(1e-4 <= value < 1e4 for value in positive)
        texts = [_decimal(value) if is_short else _with_exponent(value) for value in positive]
    by_value = dict(zip(positive, texts, strict=True))
    return [by_value.get(value, "0") for value in values]


def _decimal(value: float) -> str:
    """Return a value of at most 10⁴ with two significant digits; a whole number with all."""
    return f"{value:.0f}" if value == round(value) else f"{float(f'{value:.2g}'):g}"


def _with_exponent(value: float) -> str:
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def metric_label(metric: str, loss: str, *, difference: bool = False) -> str:
    """Return the axis label of a metric, with the unit of `in_shown_unit`.

    >>> metric_label("train_loss", loss="mse")
    'training mean squared error'
    >>> metric_label("best_test_error", loss="cross_entropy")
    'test error at the best validation score (%)'

    Args:
        metric: A column such as ``"test_error"``, or a measure without its split such as
            ``"loss"``.
        loss: The training loss, by which losses are named.
        difference: Whether the axis has differences of the metric.
    """
    name = metric.removeprefix("best_")
    split = next((split for split in _SPLITS if name.startswith(f"{split}_")), "")
    measure = name.removeprefix(f"{split}_")
    if measure not in BASE_METRICS:
        return metric.replace("_", " ")
    names = {"loss": _LOSSES.get(loss, loss), "rmse": "RMSE", "r2": "R²"}
    at_best = " at the best validation score" if name != metric else ""
    unit = bracketed_unit(f"{split or 'test'}_{measure}", difference=difference)
    return _SPLITS.get(split, "") + names.get(measure, measure.replace("_", " ")) + at_best + unit


def in_shown_unit(
    values: pd.DataFrame,
    columns: Sequence[str] = ("estimate", "ci_low", "ci_high"),
    metric: str = "metric",
) -> pd.DataFrame:
    """Return values as plots show them: errors and accuracies in percent, all others unchanged.

    Args:
        values: A row per value.
        columns: The columns that hold values of the metric.
        metric: The column that names the metric.
    """
    size = values[metric].map(scale)
    return values.assign(**{column: size * values[column] for column in columns})


def interval_note(seeds: Iterable[int]) -> str:
    """Describe the intervals of a plot: their method, and over how many seeds they are."""
    low, high = min(seeds), max(seeds)
    if high < MIN_SEEDS:
        return f"{('One seed', 'Two seeds')[high - 1]}: too few for an interval"
    count = f"{low}" if low == high else f"{low} to {high}"
    few = f", drawn from {MIN_SEEDS} on" if low < MIN_SEEDS else " (few: wide)" if low < 5 else ""
    return f"Mean and 95 % interval (Student's t) over {count} seeds{few}"


def diverged_note(diverged: int) -> str:
    """Return the sentence that gives the number of diverged runs, "" for none."""
    if not diverged:
        return ""
    return f" {diverged} diverged run{'s are' if diverged > 1 else ' is'} not drawn."
