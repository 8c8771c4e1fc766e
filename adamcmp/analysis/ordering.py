"""The order of optimizers, problems and runs in every text, table and plot."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

#: Optimizers that precede all others, in this order.
COMMON_OPTIMIZERS = ("adam_l2", "adamw", "sgd", "sgdw", "amsgrad", "amsgradw", "adam")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e[+-]?\d+)?)")


def ordered(names: Iterable[str]) -> list[str]:
    """Return distinct names in display order: common optimizers first, then by text and numbers.

    >>> ordered(["lr 0.1", "lr 1e-05", "sgd", "adamw", "mlp, width 16", "mlp, width 8", "sgd"])
    ['adamw', 'sgd', 'lr 1e-05', 'lr 0.1', 'mlp, width 8', 'mlp, width 16']
    """
    places = {name: place for place, name in enumerate(COMMON_OPTIMIZERS)}

    def key(name: str) -> tuple[int, list[str | float], str]:
        # Texts and numbers alternate, so that a text is never compared with a number.
        parts = [float(p) if i % 2 else p for i, p in enumerate(_NUMBER.split(name))]
        return places.get(name, len(places)), parts, name

    return sorted(dict.fromkeys(names), key=key)


def in_display_order(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs in the order of their problem, optimizer, lr, wd and seed, numbered from 0.

    Stored runs are in the order in which they finished, which differs each time a study is trained.

    Args:
        runs: Runs with the columns of `adamcmp.analysis.labels.label_runs`.
    """
    places = {
        column: {name: place for place, name in enumerate(ordered(runs[column].unique()))}
        for column in ("problem", "optimizer")
    }

    def sort_key(values: pd.Series) -> pd.Series:
        return values.map(places[str(values.name)]) if values.name in places else values

    keys = ["problem", "optimizer", "lr", "wd", "seed", "run_id"]
    return runs.sort_values(keys, key=sort_key, ignore_index=True)
