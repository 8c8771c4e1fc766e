"""Columns of the settings of parameter groups, which runs store in one column of JSON objects."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

#: The column of JSON objects.
STORED_COLUMN = "optimizer.groups"
#: The values of a group's settings where a run has no such group.
_DEFAULTS = {"lr_scale": 1.0, "match": "", "target": ""}


def with_group_columns(runs: pd.DataFrame) -> pd.DataFrame:
    """Return runs with one column for each setting of each parameter group.

    >>> runs = pd.DataFrame({"optimizer.groups": ['{"head": {"lr_scale": 0.1}}', "{}"]})
    >>> with_group_columns(runs)["optimizer.groups.head.lr_scale"].tolist()
    [0.1, 1.0]

    Args:
        runs: One row per run; a run may have no value in the column ``optimizer.groups``.
    """
    if STORED_COLUMN not in runs:
        return runs
    groups = [_flat(text) for text in runs[STORED_COLUMN]]
    keys = sorted({key for each in groups for key in each})
    columns = {
        f"{STORED_COLUMN}.{key}": [
            each.get(key, _DEFAULTS.get(key.rpartition(".")[2], math.nan)) for each in groups
        ]
        for key in keys
    }
    return runs.assign(**columns) if columns else runs


def _flat(text: object) -> dict[str, Any]:
    """Return ``{"head.lr_scale": 0.1}`` for the text ``{"head": {"lr_scale": 0.1}}``."""
    groups = json.loads(text) if isinstance(text, str) else {}
    return {
        f"{label}.{name}": value for label, group in groups.items() for name, value in group.items()
    }
