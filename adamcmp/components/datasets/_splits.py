"""Hold out random examples as a test set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcmp.components.data import Floats, Split


def shuffled_split(
    x: Floats, y: NDArray[Any], fraction: float, rng: np.random.Generator
) -> tuple[Split, Split]:
    """Return (train, test) of data without a test set; a random `fraction` is the test set."""
    return hold_out(Split(x, y), fraction, rng.permutation(len(x)))


def hold_out(examples: Split, fraction: float, order: NDArray[np.int64]) -> tuple[Split, Split]:
    """Return (kept, held out) examples, of which the first in `order` are held out.

    Args:
        examples: All examples.
        fraction: The share to hold out; at least one example is.
        order: A random order of the examples.
    """
    count = max(round(fraction * len(examples)), 1)
    return examples.take(order[count:]), examples.take(order[:count])
