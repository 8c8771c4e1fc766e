"""Evaluate lanes: losses and errors on each split, in evaluation mode at the same weights.

Shapes: M lanes.
"""

from __future__ import annotations

from math import prod

from adamcmp.training.device_data import DeviceData, Examples
from adamcmp.training.step.lanes import Lanes

#: Input values per forward pass and lane. The batch size follows from the examples only: it
#: affects rounding, so it must not depend on the number of lanes.
BATCH_NUMBERS = 1 << 17
#: Bounds of the batch size; activations of larger batches exceed the CPU caches.
SMALLEST_BATCH, LARGEST_BATCH = 16, 256


def evaluate(lanes: Lanes, data: DeviceData) -> list[dict[str, float]]:
    """Return each lane's metrics: loss, error and accuracy on every split, and the gaps.

    A split without examples has no metrics; regression has losses only.
    """
    rows: list[dict[str, float]] = [{} for _ in lanes.seeds]
    for name, examples in data.evaluated.items():
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
    """Return each lane's mean loss and, for classification, its error."""
    numbers = prod(examples.x.shape[1:])
    batch_size = min(max(BATCH_NUMBERS // numbers, SMALLEST_BATCH), LARGEST_BATCH)
    loss_M, wrong_M = lanes.measure(examples, batch_size)
    mean_M = (loss_M / len(examples)).tolist()
    classification = not examples.y.is_floating_point()
    return mean_M, (wrong_M / len(examples)).tolist() if classification else None
