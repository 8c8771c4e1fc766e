"""What every component promises: it trains, reproducibly, resumably and independent of its group.

Each function checks one promise on small runs. It returns what was measured, in one line, and
raises if the promise is broken. `adamcmp check` applies them to a user's component, and
tests/test_components.py to the built-in ones.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from adamcmp.components.data import Data
from adamcmp.components.datasets import Dataset
from adamcmp.config import Numerics, Protocol, RunConfig
from adamcmp.errors import AdamcmpError
from adamcmp.planning.grouping import LaneGroup, group_runs
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.checks import check_run
from adamcmp.training.outcome import Done, Failed, Stopped
from adamcmp.training.train import train_group

#: Seeds of the runs of a check.
SEEDS = (0, 1, 2)
STEPS = 2
MAX_BATCH_SIZE = 16
MAX_TRAIN_EXAMPLES = 64

#: The evaluations of some runs by run id, in a form that can be compared.
Measured = dict[str, list[dict[str, Any]]]


class BrokenPromise(AdamcmpError):
    """A component does not do what every component must do; the text says what."""


def check_dataset(dataset: Dataset) -> str:
    """Check that a dataset loads, and that it is the same each time.

    Raises:
        BrokenPromise: If it differs when it is loaded again.
        AdamcmpError: If it cannot be loaded.
    """
    data, again = dataset.load(), dataset.load()
    for split in ("train", "val", "test"):
        one, other = getattr(data, split), getattr(again, split)
        if not (np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)):
            raise BrokenPromise(
                f"The {split} examples differ when the dataset is loaded again. Draw random "
                f"numbers from a generator with a fixed seed."
            )
    shape = data.shape
    targets = "classes" if shape.problem_type == "classification" else "targets"
    return (
        f"{len(data.train)} training, {len(data.val)} validation and {len(data.test)} test "
        f"examples of shape {shape.inputs}, {shape.outputs} {targets}{_overlap(data)}"
    )


def small_runs(config: RunConfig, numerics: Numerics) -> tuple[RunSpec, ...]:
    """Return runs of two steps that differ only in their seed.

    Args:
        config: The runs' settings.
        numerics: The runs' numerics; no value is ``auto``.
    """
    examples = len(config.data().train)
    settings = config.protocol.model_dump()
    settings |= {
        "steps": STEPS,
        "batch_size": min(settings["batch_size"], MAX_BATCH_SIZE, examples),
        "eval": {"every_steps": 1, "train_examples": min(MAX_TRAIN_EXAMPLES, examples)},
    }
    protocols = [Protocol.model_validate({**settings, "seed": seed}) for seed in SEEDS]
    return tuple(RunSpec.of(replace(config, protocol=each), numerics) for each in protocols)


def check_build(specs: Sequence[RunSpec]) -> str:
    """Check that the model and the optimizer can be built for the dataset.

    Raises:
        AdamcmpError: If they cannot.
    """
    config = specs[0].config
    check_run(config)
    return f"model={config.model.name} with optimizer={config.optimizer.name}"


def check_training(specs: Sequence[RunSpec]) -> str:
    """Check that a run trains: its loss stays finite, and it has gradients.

    Raises:
        BrokenPromise: If it crashes, diverges, or all gradients are zero.
    """
    done = _train(specs[:1])
    if (stopped_at := done.runs[0]["stopped_at_step"]) is not None:
        raise BrokenPromise(f"The loss is not finite, or explodes, at step {stopped_at}.")
    if not any(row["grad_norm"] for row in done.metrics[1:]):
        raise BrokenPromise("The loss has no gradient: the outputs depend on no parameter.")
    losses = [f"{row['train_loss']:.5g}" for row in done.metrics]
    return f"training loss {', '.join(losses)} after 0, 1 and {STEPS} steps"


def check_determinism(specs: Sequence[RunSpec]) -> str:
    """Check that a run that is trained twice has the same bits.

    Raises:
        BrokenPromise: If it does not.
    """
    _compare(
        _measured(_train(specs[:1])),
        _measured(_train(specs[:1])),
        "A run gives different numbers when it is trained again",
        "Draw random numbers from the global generator of torch, numpy.random or random only",
    )
    return "trained twice: the same bits"


def check_state(specs: Sequence[RunSpec]) -> str:
    """Check that a run that was stopped and resumed has the same bits as an uninterrupted one.

    Raises:
        BrokenPromise: If it does not, or its state cannot be saved.
    """
    with tempfile.TemporaryDirectory() as folder:
        checkpointing = Checkpointing(Path(folder) / "checkpoint", every=math.inf)
        group = LaneGroup(tuple(specs[:1]))
        outcome = train_group(group, checkpointing=checkpointing, should_stop=lambda: True)
        if not isinstance(outcome, Stopped):
            raise BrokenPromise(f"A run cannot be stopped ({outcome}).")
        if not checkpointing.path.exists():
            raise BrokenPromise("The state after a step cannot be saved in a checkpoint.")
        resumed = _train(specs[:1], checkpointing)
    _compare(
        _measured(_train(specs[:1])),
        _measured(resumed),
        "A run gives different numbers after an interruption than without one",
        "Keep what changes in training in parameters and registered buffers, or in the state of "
        "the optimizer",
    )
    return "stopped after a step and resumed: the same bits"


def check_lanes(specs: Sequence[RunSpec]) -> str:
    """Check that a run has the same bits alone and after, or together with, other runs.

    Raises:
        BrokenPromise: If it does not.
    """
    middle = specs[len(specs) // 2]
    alone = _measured(_train([middle]))
    groups = group_runs(specs[::-1], width=len)
    together = _measured(*(_done(group) for group in groups))
    _compare(
        alone,
        {middle.run_id: together[middle.run_id]},
        "A run gives different numbers together with other runs than alone",
        "Share no state between two instances of a class",
    )
    if middle.fuses:
        return f"{len(specs)} runs as lanes of one computation: the same bits as alone"
    return f"{len(specs)} runs, one at a time ({middle.unfused_reason}): the same bits as alone"


def comparable(metrics: Iterable[Mapping[str, Any]]) -> Measured:
    """Return evaluations by run id, without the wall time.

    Values are texts: NaN is equal to itself there, and 0.0 is not -0.0.
    """
    by_run: Measured = {}
    for row in metrics:
        values = {key: repr(value) for key, value in row.items() if key != "wall_time_s"}
        by_run.setdefault(row["run_id"], []).append(values | {"step": row["step"]})
    return by_run


def _train(specs: Sequence[RunSpec], checkpointing: Checkpointing | None = None) -> Done:
    return _done(LaneGroup(tuple(specs)), checkpointing)


def _done(group: LaneGroup, checkpointing: Checkpointing | None = None) -> Done:
    outcome = train_group(group, checkpointing=checkpointing)
    if isinstance(outcome, Done):
        return outcome
    raise BrokenPromise(f"Training crashes: {outcome.error if isinstance(outcome, Failed) else ''}")


def _measured(*outcomes: Done) -> Measured:
    return comparable(row for outcome in outcomes for row in outcome.metrics)


def _compare(expected: Measured, actual: Measured, problem: str, advice: str) -> None:
    """Raise a `BrokenPromise` that names the first difference."""
    for run_id, rows in expected.items():
        for row, other in zip(rows, actual[run_id], strict=True):
            for name, value in row.items():
                if value != other[name]:
                    raise BrokenPromise(
                        f"{problem}: {name} after {row['step']} steps is {value} and "
                        f"{other[name]}. {advice}."
                    )


def _overlap(data: Data) -> str:
    """Return how many test examples are also training examples; empty if none is."""
    training = {row.tobytes() for row in data.train.x}
    count = sum(row.tobytes() in training for row in data.test.x)
    return f"; {count} test examples are also training examples" if count else ""
