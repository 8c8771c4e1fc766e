"""Evaluate lanes: losses and errors on each split, in evaluation mode at the same weights.

Shapes: M lanes.
"""

from __future__ import annotations

from math import prod

from torch import Tensor

from adamcmp.storage.columns import GAP_METRICS
from adamcmp.training.device_data import DeviceData, Examples
from adamcmp.training.step.lanes import Lanes

#: Input values per forward pass and lane. The batch size follows from the examples only: it
#: affects rounding, so it must not depend on the number of lanes.
BATCH_NUMBERS = 1 << 17
#: Bounds of the batch size; activations of larger batches exceed the CPU caches.
SMALLEST_BATCH, LARGEST_BATCH = 16, 256


def evaluate(lanes: Lanes, data: DeviceData) -> list[dict[str, float]]:
    """Return each lane's metrics on every split, and the gaps between test and train.

    A split without examples has no metrics.
    """
    rows: list[dict[str, float]] = [{} for _ in lanes.seeds]
    for split, examples in data.evaluated.items():
        for row, measured in zip(rows, _measure(lanes, examples), strict=True):
            row |= {f"{split}_{metric}": value for metric, value in measured.items()}
    for row in rows:
        for metric in GAP_METRICS:
            if f"test_{metric}" in row:
                row[f"gap_{metric}"] = row[f"test_{metric}"] - row[f"train_{metric}"]
    return rows


def _measure(lanes: Lanes, examples: Examples) -> list[dict[str, float]]:
    """Return each lane's metrics on one split."""
    numbers = prod(examples.x.shape[1:])
    batch_size = min(max(BATCH_NUMBERS // numbers, SMALLEST_BATCH), LARGEST_BATCH)
    loss_M, error_M, weighted_M = lanes.measure(examples, batch_size)
    loss_M, error_M = loss_M / len(examples), error_M / len(examples)
    values = {"loss": loss_M}
    if not examples.y.is_floating_point():
        values |= {"error": error_M, "accuracy": 1.0 - error_M}
        values["balanced_error"] = weighted_M.clamp(max=1.0)  # the weights are rounded
    else:
        values["rmse"] = error_M.sqrt()
        if variance := _variance(examples.y):
            values["r2"] = 1.0 - error_M / variance
    by_lane = zip(*(values_M.tolist() for values_M in values.values()), strict=True)
    return [dict(zip(values, lane, strict=True)) for lane in by_lane]


def _variance(y: Tensor) -> float:
    """Return the squared deviation of the targets from their mean, averaged over the outputs."""
    return y.double().var(0, correction=0).mean().item()
