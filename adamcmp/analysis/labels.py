"""The columns that group runs, ``problem`` and ``optimizer``, and the setting columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from operator import methodcaller
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from adamcmp.analysis.group_columns import STORED_COLUMN
from adamcmp.storage.columns import SHORT_NAMES, Role, role_of

#: The columns that identify an optimizer on a problem.
GROUP = ["problem", "optimizer"]
#: Columns that distinguish variants of an optimizer with the same name.
_VARIANT = ("rule", "coupling", "optimizer.target")
_GROUPS_PREFIX = f"{STORED_COLUMN}."


def label_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the column ``problem``, and give each variant of an optimizer a distinct name.

    Labels contain only what varied: ``"mnist1d, mlp"`` or ``"mnist1d, mlp, label_noise 0.3"``;
    ``"sgd"`` or ``"sgd (independent)"``. A value that an imported run
    lacks is unknown, and does not count as varied.

    Args:
        runs: One row per run, columns as on disk.

    Returns:
        A copy with the columns ``problem`` and ``optimizer``.
    """
    runs = runs.copy()
    pair = runs["dataset"] + ", " + runs["model"]
    runs["problem"] = pair
    for name, texts in _problem_settings(runs):
        varied = _varied_within(pair, texts)
        if varied.any():
            runs["problem"] += (f", {name} " + texts).where(varied & texts.notna(), "")
    for column in [c for c in _VARIANT if c in runs]:
        texts = _known_values(runs, column)
        varied = _varied_within(runs["optimizer"], texts)
        if varied.any():
            runs["optimizer"] += (" (" + texts + ")").where(varied & texts.notna(), "")
    return runs


def _varied_within(groups: pd.Series[str], texts: pd.Series[str]) -> pd.Series[bool]:
    """Return which runs are in a group with several known texts."""
    if texts.nunique() < 2:  # most settings
        return pd.Series(False, texts.index)
    return texts.groupby(groups).transform("nunique") > 1


def _problem_settings(runs: pd.DataFrame) -> Iterator[tuple[str, pd.Series[str]]]:
    """Yield the name and the texts of each setting of the dataset and the model.

    Arguments of a user's class, which are one column, are a setting each.
    """
    for column in filter(is_problem_setting, runs.columns):
        name = column.partition(".")[2]
        if name == "arguments":
            yield from _arguments(runs, column)
        else:
            yield name, _known_values(runs, column)


def _arguments(runs: pd.DataFrame, column: str) -> Iterator[tuple[str, pd.Series[str]]]:
    """Yield the name and the texts of each argument in a column of JSON objects."""
    # A run that adamcmp trained without arguments has the default of each.
    has_value = runs[column].notna() | runs["torch_version"].isna()
    arguments = runs[column].where(has_value, "{}").map(json.loads, na_action="ignore")
    for name in sorted({name for given in arguments.dropna() for name in given}):
        values = arguments.map(methodcaller("get", name, "default"), na_action="ignore")
        yield name, values.map(format_value, na_action="ignore")


def is_problem_setting(column: str) -> bool:
    """Return whether a column is a setting of the dataset or the model, which form the problem.

    >>> is_problem_setting("model"), is_problem_setting("dataset.label_noise")
    (True, True)
    >>> is_problem_setting("lr"), is_problem_setting("dataset.revision")
    (False, False)
    """
    return column.partition(".")[0] in ("dataset", "model") and role_of(column) is Role.SETTING


def _known_values(runs: pd.DataFrame, column: str) -> pd.Series[str]:
    """Return the texts of a column; missing where an imported run has no value.

    In a run that adamcmp trained a missing value is a value: ``subset=null`` takes all examples.
    """
    texts = runs[column].map(format_value)
    return texts.where(runs[column].notna() | runs["torch_version"].notna())


def format_value(value: object) -> str:
    """Return the text of a setting's value in labels.

    >>> format_value(0.0010)
    '0.001'
    """
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text[:12] if len(text) == 64 else text  # the sha256 of a file


def setting_columns(runs: pd.DataFrame) -> list[str]:
    """Return the columns that varied within an optimizer on a problem.

    Args:
        runs: Runs with the columns of `label_runs`.

    Returns:
        lr and wd first, whether or not they varied.
    """
    # SHORT_NAMES are the settings that a column with a short name repeats.
    excluded = {*GROUP, *_VARIANT, "seed", *SHORT_NAMES, STORED_COLUMN}
    candidates = [
        column
        for column in runs.columns
        if role_of(column) is Role.SETTING
        and column not in excluded
        and not is_problem_setting(column)
    ]
    groups = runs.groupby(GROUP, dropna=False, sort=False).ngroup().to_numpy()
    return [c for c in candidates if c in ("lr", "wd") or _varies_within(groups, runs[c])]


def _varies_within(groups: npt.NDArray[np.integer[Any]], column: pd.Series) -> bool:
    """Return whether a column has several values in any group; missing counts as a value."""
    try:
        values = pd.factorize(column, use_na_sentinel=False)[0]
    except TypeError:  # lists, such as betas
        values = pd.factorize(column.map(_hashable), use_na_sentinel=False)[0]
    if len(values) == 0 or values.max() == 0:
        return False
    # A column varies if there are more pairs of group and value than groups.
    pairs = groups * (values.max() + 1) + values
    return len(np.unique(pairs)) > len(np.unique(groups))


def _hashable(value: Any) -> Any:
    return tuple(value) if hasattr(value, "__iter__") and not isinstance(value, str) else value


def short_setting_names(columns: Iterable[str]) -> dict[str, str]:
    """Return the last part of each setting's name; the whole name where several end alike.

    The name of a parameter group's setting begins with the group's.

    >>> short_setting_names(["optimizer.eps", "schedule.end"])
    {'optimizer.eps': 'eps', 'schedule.end': 'end'}
    >>> list(short_setting_names(["schedule.end", "wd_schedule.end"]).values())
    ['schedule.end', 'wd_schedule.end']
    >>> short_setting_names(["optimizer.groups.head.lr_scale"])
    {'optimizer.groups.head.lr_scale': 'head.lr_scale'}
    """
    short = {column: _short_name(column) for column in columns}
    counts = Counter(short.values())
    return {column: name if counts[name] == 1 else column for column, name in short.items()}


def _short_name(column: str) -> str:
    is_of_group = column.startswith(_GROUPS_PREFIX)
    return column.removeprefix(_GROUPS_PREFIX) if is_of_group else column.rpartition(".")[2]


def setting_texts(runs: pd.DataFrame, columns: list[str]) -> pd.Series[str]:
    """Return each run's values of the setting columns as one text, equal for equal settings."""
    rows = zip(*(runs[column] for column in columns), strict=True)
    return pd.Series(["|".join(map(str, row)) for row in rows], runs.index, dtype=object)
