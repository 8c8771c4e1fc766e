"""Outcomes of a run on single examples: how many are stored, and as which bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

#: The largest number of examples of a split whose outcomes are stored, by metric: 2 KiB each.
MOST_STORED: Mapping[str, int] = {"error": 1 << 14, "loss": 1 << 10}


def stored_positions(total: int, metric: str) -> npt.NDArray[np.int64]:
    """Return the positions of the examples whose outcomes are stored: all, or evenly spaced ones.

    They are the same for all runs, so that runs are compared on the same examples.

    >>> len(stored_positions(1000, "error")), stored_positions(4096, "loss")[:3].tolist()
    (1000, [0, 4, 8])

    Args:
        total: The number of examples of the split.
        metric: ``error`` or ``loss``.
    """
    stored = min(total, MOST_STORED[metric])
    return np.arange(stored) * total // stored


def encode(outcomes: npt.ArrayLike, metric: str) -> bytes:
    r"""Return outcomes as bytes.

    >>> encode([1, 0, 0, 0, 0, 0, 0, 0, 1], "error")
    b'\x01\x01'

    Args:
        outcomes: Shape (examples,): for ``error`` 1 where the prediction is wrong, else 0; for
            ``loss`` the loss.
        metric: ``error``, stored as bits, the first example in the lowest bit of the first byte; or
            ``loss``, stored in half precision (float16, little-endian), the largest of which
            replaces larger values and NaN.
    """
    if metric == "error":
        return np.packbits(np.asarray(outcomes, dtype=bool), bitorder="little").tobytes()
    largest = float(np.finfo(np.float16).max)
    return np.nan_to_num(outcomes, nan=largest).clip(-largest, largest).astype("<f2").tobytes()


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
