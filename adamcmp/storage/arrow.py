"""Arrow types of the Python types of columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_ARROW_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def arrow_type(python_type: Any) -> pa.DataType:
    """Return the Arrow type of a column's Python type, as `Column.type` has it."""
    if python_type in _ARROW_TYPES:
        return _ARROW_TYPES[python_type]
    return pa.list_(_ARROW_TYPES[python_type.__args__[0]])
