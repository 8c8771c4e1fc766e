"""Arrow arrays of Python values, without pandas.

`pyarrow.array` imports pandas in order to recognize pandas objects, which takes longer than a
hundred training steps.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

_NUMBERS = {pa.int64(): "q", pa.float64(): "d"}


def array_of(values: Sequence[Any], arrow_type: pa.DataType) -> pa.Array:
    """Return what ``pyarrow.array(values, arrow_type)`` returns.

    Args:
        values: The values; None is null.
        arrow_type: int64, float64, bool, string, binary, or a list of one of them.

    >>> array_of([0.5, None], pa.float64()).to_pylist()
    [0.5, None]
    """
    present = [value is not None for value in values]
    validity = None if all(present) else _bits(present)
    if arrow_type in _NUMBERS:
        numbers = array(_NUMBERS[arrow_type], [0 if value is None else value for value in values])
        return _from_buffers(arrow_type, len(values), [validity, numbers])
    if arrow_type == pa.bool_():
        return _from_buffers(arrow_type, len(values), [validity, _bits(values)])
    if pa.types.is_list(arrow_type):
        items = [value if value is not None else () for value in values]
        flat = array_of(list(chain.from_iterable(items)), arrow_type.value_type)
        return _from_buffers(arrow_type, len(values), [validity, _offsets(items)], [flat])
    texts = [_bytes(value) for value in values]
    return _from_buffers(arrow_type, len(values), [validity, _offsets(texts), b"".join(texts)])


def _from_buffers(
    arrow_type: pa.DataType, length: int, buffers: Sequence[Any], children: Sequence[pa.Array] = ()
) -> pa.Array:
    wrapped = [None if buffer is None else pa.py_buffer(buffer) for buffer in buffers]
    return pa.Array.from_buffers(arrow_type, length, wrapped, children=list(children) or None)


def _bits(flags: Iterable[Any]) -> bytes:
    """Return a bit for each flag, the lowest of a byte first."""
    digits = "".join("1" if flag else "0" for flag in flags)
    return int(digits[::-1] or "0", 2).to_bytes((len(digits) + 7) // 8, "little")


def _offsets(items: Iterable[Sequence[Any]]) -> array[int]:
    """Return where the elements of each item begin, and where the last ones end."""
    return array("i", accumulate(map(len, items), initial=0))


def _bytes(value: str | bytes | None) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else value
