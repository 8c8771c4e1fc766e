"""What the outcomes of runs on single test examples say about a difference."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from adamcmp.analysis.estimates import ALPHA
from adamcmp.analysis.example_variance import (
    ExamplePart,
    example_part,
    largest_example_variance,
)
from adamcmp.analysis.run_table import RunTable

#: The stored outcome that belongs to each measure.
_OUTCOMES = {"error": "error", "accuracy": "error", "loss": "loss"}
#: The largest test set whose size is derived from the errors that were measured on it.
_MOST_EXAMPLES = 100_000
#: Errors that are equal up to this are the same fraction.
_ROUNDING = 1e-8


def split_and_outcome(metric: str) -> tuple[str, str] | None:
    """Return the split on whose examples a final metric varies, and the outcome stored of each.

    A gap varies with the test examples as its test metric does.

    >>> split_and_outcome("gap_error"), split_and_outcome("val_loss")
    (('test', 'error'), ('val', 'loss'))

    Returns:
        None for training metrics, metrics at the best evaluation, and metrics that are not means
        over examples.
    """
    split, _, measure = metric.partition("_")
    split = {"gap": "test"}.get(split, split)
    if split not in ("val", "test") or measure not in _OUTCOMES:
        return None
    return split, _OUTCOMES[measure]


def examples_of_difference(
    table: RunTable, a: Iterable[str], b: Iterable[str], metric: str, paired: bool
) -> ExamplePart | None:
    """Return the part of the test examples in the variance of a difference between two arms.

    If the outcomes of some runs are not stored, it is estimated from the others, if these are two
    of each arm or more. How examples differ does not depend on the number of seeds.

    Args:
        table: The table of the runs.
        a: The ids of one arm's runs.
        b: The ids of the other arm's runs; if `paired`, of the same seeds in the same order.
        metric: The metric.
        paired: Whether runs of both arms are paired.

    Returns:
        None if the outcomes of too few runs are stored, or not on the same examples.
    """
    stored = split_and_outcome(metric)
    if stored is None:
        return None
    ids = [list(a), list(b)]
    known = [[table.outcomes.has(run_id, *stored) for run_id in arm] for arm in ids]
    if paired:
        known = [[x and y for x, y in zip(*known, strict=True)]] * 2
    first, second = (list(compress(*arm)) for arm in zip(ids, known, strict=True))
    if not all(map(all, known)) and min(len(first), len(second)) < 2:
        return None
    outcomes = table.outcomes.of([*first, *second], *stored)
    if outcomes is None:
        return None
    x, y = outcomes.values[: len(first)], outcomes.values[len(first) :]
    return example_part([x - y] if paired else [x, -y], outcomes.total)


def bound_of_examples(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> float:
    """Return a bound of what the test examples add to the interval of a difference of errors.

    Args:
        a: The runs of one arm.
        b: The runs of the other arm.
        metric: The metric.

    Returns:
        Half the width of the interval by the test examples alone; NaN for metrics other than
        errors and accuracies.
    """
    stored = split_and_outcome(metric)
    if stored is None or stored[1] != "error":
        return float("nan")
    errors = [arm[f"{stored[0]}_error"].astype(float).dropna().to_numpy() for arm in (a, b)]
    if not all(map(len, errors)):
        return float("nan")
    variance = largest_example_variance(
        float(errors[0].mean()), float(errors[1].mean()), fewest_examples(np.concatenate(errors))
    )
    return float(stats.norm.ppf(1 - ALPHA / 2) * np.sqrt(variance))


def fewest_examples(errors: npt.ArrayLike) -> float:
    """Return the smallest number of examples on which all of some errors can have been measured.

    Each error is a count divided by the number of examples, up to rounding.

    >>> fewest_examples([0.25, 0.123, 0.9])
    1000.0

    Args:
        errors: Errors as fractions.

    Returns:
        NaN if no number up to 100,000 explains the errors.
    """
    numbers = np.arange(1, _MOST_EXAMPLES + 1)
    for error in np.unique(np.asarray(errors, dtype=float)):
        counts = error * numbers
        numbers = numbers[np.abs(counts - np.round(counts)) < _ROUNDING * numbers]
    return float(numbers[0]) if len(numbers) else float("nan")
