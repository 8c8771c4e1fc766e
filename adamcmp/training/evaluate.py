"""Evaluate lanes: losses and errors on each split, in evaluation mode at the same weights.

Shapes: M lanes, N examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor

from adamcmp.storage.columns import GAP_METRICS
from adamcmp.storage.outcomes import encode, stored_positions
from adamcmp.training.device_data import DeviceData, Examples
from adamcmp.training.step.lanes import Lanes, Measured

#: Input values per forward pass and lane. The batch size follows from the examples only: it
#: affects rounding, so it must not depend on the number of lanes.
BATCH_NUMBERS = 1 << 17
#: Bounds of the batch size; activations of larger batches exceed the CPU caches.
SMALLEST_BATCH, LARGEST_BATCH = 16, 256


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of all lanes.

    Attributes:
        metrics: Each lane's metrics on every split, and the gaps between test and train. A split
            without examples has no metrics.
        outcomes: Each lane's rows of `examples`, without the run's id; empty unless requested.
    """

    metrics: list[dict[str, float]]
    outcomes: list[list[dict[str, Any]]]


def evaluate(lanes: Lanes, data: DeviceData, *, keep_outcomes: bool = False) -> Evaluation:
    """Measure each lane on every split.

    Args:
        lanes: The lanes.
        data: The splits.
        keep_outcomes: Whether to keep what is measured of each validation and test example.
    """
    rows: list[dict[str, float]] = [{} for _ in lanes.seeds]
    outcomes: list[list[dict[str, Any]]] = [[] for _ in lanes.seeds]
    for split, examples in data.evaluated.items():
        keep = keep_outcomes and split != "train"
        measured = lanes.measure(examples, _batch_size(examples), keep_outcomes=keep)
        for row, metrics in zip(rows, _metrics(measured, examples), strict=True):
            row |= {f"{split}_{metric}": value for metric, value in metrics.items()}
        for metric, values_MN in _by_example(measured, examples):
            common = {"split": split, "set_id": data.set_ids[split]}
            for lane, row_of_lane in zip(outcomes, _outcome_rows(metric, values_MN), strict=True):
                lane.append(common | row_of_lane)
    for row in rows:
        for metric in GAP_METRICS:
            if f"test_{metric}" in row:
                row[f"gap_{metric}"] = row[f"test_{metric}"] - row[f"train_{metric}"]
    return Evaluation(rows, outcomes)


def _batch_size(examples: Examples) -> int:
    numbers = prod(examples.x.shape[1:])
    return min(max(BATCH_NUMBERS // numbers, SMALLEST_BATCH), LARGEST_BATCH)


def _by_example(measured: Measured, examples: Examples) -> Iterator[tuple[str, Tensor]]:
    """Yield each metric that was kept, with its values (M, N)."""
    if measured.loss_MN is not None:
        yield "loss", measured.loss_MN
    if measured.wrong_MN is not None and not examples.y.is_floating_point():
        yield "error", measured.wrong_MN


def _outcome_rows(metric: str, values_MN: Tensor) -> Iterator[dict[str, Any]]:
    """Yield each lane's outcomes as columns of `examples`."""
    total = values_MN.shape[1]
    positions = stored_positions(total, metric)
    columns = {"metric": metric, "total": total, "stored": len(positions)}
    for values in values_MN.cpu().numpy()[:, positions]:
        yield {**columns, "outcomes": encode(values, metric)}


def _metrics(measured: Measured, examples: Examples) -> list[dict[str, float]]:
    """Return each lane's metrics on one split."""
    loss_M, error_M = measured.loss_M / len(examples), measured.error_M / len(examples)
    values = {"loss": loss_M}
    if not examples.y.is_floating_point():
        values |= {"error": error_M, "accuracy": 1.0 - error_M}
        values["balanced_error"] = measured.weighted_M.clamp(max=1.0)  # the weights are rounded
    else:
        values["rmse"] = error_M.sqrt()
        if variance := _variance(examples.y):
            values["r2"] = 1.0 - error_M / variance
    by_lane = zip(*(values_M.tolist() for values_M in values.values()), strict=True)
    return [dict(zip(values, lane, strict=True)) for lane in by_lane]


def _variance(y: Tensor) -> float:
    """Return the squared deviation of the targets from their mean, averaged over the outputs."""
    return y.double().var(0, correction=0).mean().item()
