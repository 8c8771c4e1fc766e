"""Measuring lanes: losses and errors on each split, in evaluation mode at the same weights.

Shapes: M lanes, B examples of a chunk, C outputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import torch
from torch import Tensor

from adamcmp.training.device_data import DeviceData, Examples
from adamcmp.training.lanes import Lanes

#: Numbers of input looked at in one go; the chunk's size must not depend on the lanes.
CHUNK_NUMBERS = 1 << 17


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
    size = max(CHUNK_NUMBERS // prod(examples.x.shape[1:]), 16)
    classes = not examples.y.is_floating_point()
    loss_M = torch.zeros(len(lanes.seeds), dtype=torch.float64, device=examples.x.device)
    wrong_M = torch.zeros_like(loss_M, dtype=torch.int64)
    for x_B, y_B in _chunks(examples, size):
        outputs_MBC = lanes.outputs(x_B)
        loss_M += lanes.measure(outputs_MBC, y_B).double().sum(1)
        if classes:
            wrong_M += _wrong(outputs_MBC, y_B).sum(1)
    mean_M = (loss_M / len(examples)).tolist()
    return mean_M, (wrong_M.double() / len(examples)).tolist() if classes else None


def _chunks(examples: Examples, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(examples), size):
        yield examples.x[start : start + size], examples.y[start : start + size]


def _wrong(outputs_MBC: Tensor, y_B: Tensor) -> Tensor:
    # An output that is NaN answers nothing; argmax would take it for the largest.
    answered = outputs_MBC.isfinite().all(-1)
    return ~((outputs_MBC.argmax(-1) == y_B) & answered)
