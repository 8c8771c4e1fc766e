"""Outcomes of a run on single examples, as the bytes that are stored of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def encode(outcomes: npt.ArrayLike, metric: str) -> bytes:
    r"""Return outcomes as bytes.

    >>> encode([1, 0, 0, 0, 0, 0, 0, 0, 1], "error")
    b'\x01\x01'

    Args:
        outcomes: Shape (examples,): for ``error`` 1 where the prediction is wrong, else 0; for
            ``loss`` the loss.
        metric: ``error``, stored as bits, the first example in the lowest bit of the first byte; or
            ``loss``, stored in half precision (float16, little-endian), the largest of which
            replaces larger values.
    """
    if metric == "error":
        return np.packbits(np.asarray(outcomes, dtype=bool), bitorder="little").tobytes()
    largest = np.finfo(np.float16).max
    return np.clip(outcomes, -largest, largest).astype("<f2").tobytes()


def decode(content: bytes, metric: str, stored: int) -> npt.NDArray[np.float64]:
    r"""Return the outcomes that `encode` made bytes of.

    >>> decode(b"\x01\x01", "error", 9)
    array([1., 0., 0., 0., 0., 0., 0., 0., 1.])

    Args:
        content: The bytes.
        metric: ``error`` or ``loss``.
        stored: The number of examples.
    """
    if metric == "error":
        bits = np.frombuffer(content, np.uint8)
        return np.unpackbits(bits, count=stored, bitorder="little").astype(np.float64)
    return np.frombuffer(content, "<f2", count=stored).astype(np.float64)
