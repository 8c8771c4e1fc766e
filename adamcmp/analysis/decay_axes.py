"""The axes of a grid of settings: lr and wd, or lr and the product lr·wd (``lr_wd=``).

Runs store lr and wd. Whether a grid was over the product follows from the settings: their products
then have fewer values than their wd.
"""

from __future__ import annotations

import pandas as pd

#: The name of the product as an axis: the key that sets it.
PRODUCT = "lr_wd"


def axis_values(runs: pd.DataFrame, axis: str) -> pd.Series[float]:
    """Return the values of runs on an axis of their grid.

    >>> runs = pd.DataFrame({"lr": [0.1, 0.3], "wd": [0.03, 0.01]})
    >>> axis_values(runs, "lr_wd").tolist()
    [0.003, 0.003]

    Args:
        runs: Columns lr and wd.
        axis: ``lr``, ``wd`` or ``lr_wd``; products are rounded to 9 digits.
    """
    if axis != PRODUCT:
        return runs[axis].astype(float)
    products = runs["lr"].astype(float) * runs["wd"].astype(float)
    return products.map(lambda product: float(f"{product:.9g}"))


def grid_axes(runs: pd.DataFrame) -> tuple[str, str]:
    """Return the two axes of the grid of some settings.

    >>> runs = pd.DataFrame({"lr": [0.1, 0.1, 0.01, 0.01], "wd": [0.1, 1.0, 1.0, 10.0]})
    >>> grid_axes(runs)
    ('lr', 'lr_wd')
    >>> grid_axes(runs[runs["wd"] == 1.0])
    ('lr', 'wd')

    Args:
        runs: Columns lr and wd; the runs of one optimizer on one problem.

    Returns:
        ``("lr", "lr_wd")`` if the settings fill more of the grid over these than of that over lr
        and wd, which has several wd at some lr in both cases; else ``("lr", "wd")``.
    """
    products, decays = axis_values(runs, PRODUCT).nunique(), runs["wd"].nunique()
    return ("lr", PRODUCT) if 1 < products < decays else ("lr", "wd")
