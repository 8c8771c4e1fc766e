"""Measuring lanes: losses and errors on each split, in evaluation mode at the same weights.

Shapes: M lanes.
"""

from __future__ import annotations

from math import prod

from adamcmp.training.device_data import DeviceData, Examples
from adamcmp.training.step.lanes import Lanes

#: Numbers of input looked at in one go; the chunk's size must not depend on the lanes.
CHUNK_NUMBERS = 1 << 17
#: Most examples looked at in one go, so that what they become fits the processor's caches.
LARGEST_CHUNK = 256


def evaluate(lanes: Lanes, data: DeviceData) -> list[dict[str, float]]:
    """Return each lane's metrics: loss, error and accuracy on every split, and the gaps.

    A split without examples (no validation) has no metrics; regression has losses only.
    """
    rows: list[dict[str, float]] = [{} for _ in lanes.seeds]
    for name, examples in data.measured.items():
        loss_M, error_M = _means(lanes, examples)
        for lane, row in enumerate(rows):
            row[f"{name}_loss"] = loss_M[lane]
            if error_M is not None:
                row[f"{name}_error"] = error_M[lane]
                row[f"{name}_accuracy"] = 1.0 - error_M[lane]
    for row in rows:
        for measure in ("loss", "error"):
            if f"test_{measure}" in row:
                row[f"gap_{measure}"] = row[f"test_{measure}"] - row[f"train_{measure}"]
    return rows


def _means(lanes: Lanes, examples: Examples) -> tuple[list[float], list[float] | None]:
    """Return each lane's mean loss and, for classes, its share of wrong answers."""
    size = min(max(CHUNK_NUMBERS // prod(examples.x.shape[1:]), 16), LARGEST_CHUNK)
    loss_M, wrong_M = lanes.measure(examples, size)
    mean_M = (loss_M / len(examples)).tolist()
    classes = not examples.y.is_floating_point()
    return mean_M, (wrong_M / len(examples)).tolist() if classes else None
