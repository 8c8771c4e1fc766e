"""Which optimizer has the lowest value of a property, and by how much, over shared seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from adamcmp.analysis import estimates
from adamcmp.analysis.example_variance import ExamplePart, required_estimates, widest
from adamcmp.analysis.wording import covered_samples

#: Minimum number of seeds that two optimizers share.
MIN_SEEDS = 4
#: The columns of `differences_from_lowest`.
COLUMNS = [
    *("optimizer", "over", "value", "estimate", "ci_low", "ci_high", "n", "p_value", "p_adjusted"),
    "covers",
]


def differences_from_lowest(
    values: Mapping[str, pd.Series[float]],
    example_part: Callable[[str, str], ExamplePart | None] = lambda a, b: None,
    families: int = 1,
    *,
    data: bool = False,
) -> pd.DataFrame:
    """Compare the optimizer with the lowest mean with each other one, paired over seeds.

    >>> values = {"adamw": [1.0, 1.1, 0.9, 1.0], "sgd": [3.0, 3.2, 2.9, 3.1]}
    >>> series = {name: pd.Series(numbers) for name, numbers in values.items()}
    >>> row = differences_from_lowest(series).iloc[0]
    >>> print(row["optimizer"], row["over"], round(row["estimate"], 2), round(row["ci_low"], 2))
    adamw sgd 2.05 1.96

    Args:
        values: The value of each optimizer on each seed, by seed.
        example_part: Returns the part of the test examples in the variance of the difference of two
            optimizers; None if it is unknown.
        families: The number of such tables whose p-values are adjusted together.
        data: Whether the data of the runs vary with the seed.

    Returns:
        One row per other optimizer that shares `MIN_SEEDS` with the lowest one:

        - ``optimizer``, the lowest one; ``over``, the other; ``value``, the mean of the lowest;
        - ``estimate``, ``ci_low``, ``ci_high``: the other minus the lowest; ``n``: shared seeds;
        - ``p_value``, of Student's test; ``p_adjusted``, Bonferroni's for all pairs of optimizers,
          since any of them could have been the lowest;
        - ``covers``: the samples that the interval covers.
    """
    known = {name: series.astype(float).dropna() for name, series in values.items()}
    known = {name: series for name, series in known.items() if len(series) >= MIN_SEEDS}
    if len(known) < 2:
        return pd.DataFrame(columns=COLUMNS)
    lowest = min(known, key=lambda name: known[name].mean())
    tests = math.comb(len(known), 2) * families
    rows = []
    for name, series in known.items():
        differences = np.asarray((series - known[lowest]).dropna(), dtype=np.float64)
        if name == lowest or len(differences) < MIN_SEEDS:
            continue
        part = example_part(name, lowest)
        required = required_estimates(estimates.mean(differences), part)
        difference = widest(required)
        p = max(float(estimate.p_value) for estimate in required)
        interval = (float(difference.value), float(difference.low), float(difference.high))
        covers = covered_samples(data=data, examples=part is not None)
        value = float(known[lowest].mean())
        rows.append((lowest, name, value, *interval, len(differences), p, p * tests, covers))
    result = pd.DataFrame(rows, columns=COLUMNS)
    return result.assign(p_adjusted=result["p_adjusted"].clip(upper=1.0))
