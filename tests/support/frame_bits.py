"""Compare data frames bit by bit."""

import numpy as np
import pandas as pd


def different_bits(expected: pd.DataFrame, actual: pd.DataFrame) -> list[str]:
    """Return one line for each column whose bits differ; 0.0 differs from -0.0."""
    if len(expected) != len(actual) or list(expected.columns) != list(actual.columns):
        return [f"{_shape(actual)} instead of {_shape(expected)}"]
    lines = []
    for column in expected.columns:
        one, other = expected[column], actual[column]
        if one.dtype != other.dtype:
            lines.append(f"{column}: {other.dtype} instead of {one.dtype}")
        elif (rows := np.flatnonzero(_unequal(one, other))).size:
            first = rows[0]
            change = f"{other[first]} instead of {one[first]}"
            lines.append(f"{column}: {change} in row {first}; {len(rows)} rows differ")
    return lines


def _shape(frame: pd.DataFrame) -> str:
    return f"{len(frame)} rows of {', '.join(frame.columns)}"


def _unequal(one: pd.Series, other: pd.Series) -> np.ndarray:
    """Return in which rows two columns of one type differ."""
    if one.dtype.kind == "f":
        bits = f"u{one.dtype.itemsize}"
        return one.to_numpy().view(bits) != other.to_numpy().view(bits)
    return np.array(_texts(one)) != np.array(_texts(other))


def _texts(column: pd.Series) -> list[str]:
    """Return the values of a column, which may be lists, as texts that are exact."""
    return [repr(v.tolist() if isinstance(v, np.ndarray) else v) for v in column]
