"""Parts of the lines that say what a table of estimates shows."""

from __future__ import annotations

import pandas as pd

from adamcmp.analysis.wording import display_name, scale


def span(values: pd.Series[float], form: str = ".2g") -> str:
    """Return the lowest and the highest value of some optimizers.

    >>> span(pd.Series({"adam_l2": 0.66, "adamw": 0.6, "sgd": 0.59}))
    'from 0.59 (SGD) to 0.66 (Adam+L2)'
    >>> span(pd.Series({"adamw": 0.6}))
    '0.6 (AdamW)'

    Args:
        values: Values by optimizer.
        form: The format of a value.
    """
    known = values.dropna().sort_values(kind="stable")
    if known.empty:
        return "unknown"
    low, high = (f"{known.iloc[i]:{form}}".replace("-", "−") for i in (0, -1))
    first, last = (display_name(str(known.index[i])) for i in (0, -1))
    if len(known) == 1:
        return f"{low} ({first})"
    return f"{low} for all" if low == high else f"from {low} ({first}) to {high} ({last})"


def with_unit(value: float, metric: str) -> str:
    """Return a value of a metric with its unit.

    >>> with_unit(0.2549, "test_error"), with_unit(0.831, "test_loss")
    ('25.5 %', '0.831')
    """
    return f"{100 * value:.1f} %" if scale(metric) == 100 else f"{value:.3g}"


def count_of_pairs(differ: pd.Series[bool]) -> str:
    """Return how many pairs differ.

    >>> count_of_pairs(pd.Series([True, False])), count_of_pairs(pd.Series([False]))
    ('1 of 2 pairs', '0 of 1 pairs')
    """
    return f"{int(differ.sum())} of {len(differ)} pairs"
