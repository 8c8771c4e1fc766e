"""Trains groups in tests; the models that are trained, and the rows of groups."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adamcmp.config import RunConfig
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.conformance import comparable
from adamcmp.training.loop import GroupTraining
from adamcmp.training.outcome import Done, Stopped
from adamcmp.training.train import train_group
from tests.conftest import CPU

F64 = CPU.model_copy(update={"dtype": "float64"})

#: Every model that fuses on a CPU, with odd widths and batch sizes.
FUSED = {
    "logistic": ["model=logistic", "batch_size=31"],
    "mlp": ["model=mlp", "model.width=17", "model.depth=3", "batch_size=13"],
    "mlp-default": ["model=mlp"],
    "mlp-all": [
        "model=mlp", "model.width=33", "model.residual=true", "model.dropout=0.3",
        "model.norm=layer", "batch_size=29", "grad_clip=0.5", "loss.label_smoothing=0.1",
    ],
    "mlp-batchnorm": ["model=mlp", "model.norm=batch", "model.width=19", "batch_size=7"],
    "mlp-images": ["dataset=digits", "model=mlp", "dataset.flip=true", "dataset.crop=1", "batch_size=11"],
    "mlp-bf16": ["model=mlp", "model.width=21", "batch_size=9"],
    "vit": [
        "model=vit", "model.width=12", "model.heads=3", "model.depth=2", "model.mlp_width=20",
        "model.patch=5", "model.dropout=0.1", "batch_size=5",
    ],
    "regression": ["dataset=teacher", "dataset.task=regression", "loss=mse", "dataset.outputs=3"],
}  # fmt: skip

#: Models and optimizers whose lanes are trained one at a time.
SINGLE = {
    "cnn1d": ["model=cnn1d", "batch_size=9"],
    "cnn": ["dataset=digits", "model=cnn", "batch_size=9", "model.dropout=0.2"],
    "resnet": [
        "dataset=digits",
        "model=resnet",
        "model.depth=8",
        "model.norm=batch",
        "batch_size=9",
    ],
    "gru": ["model=gru", "batch_size=9", "subset=200"],
    "torch": ["model=mlp", "optimizer=torch", "optimizer.target=torch.optim.RAdam"],
}


@dataclass(frozen=True)
class FusedGroup(LaneGroup):
    """A group that is fused on a processor without compiling."""

    fused = True


def trained(spec_or_group):
    """Train a run or a group; return its outcome."""
    lanes = spec_or_group if isinstance(spec_or_group, LaneGroup) else LaneGroup((spec_or_group,))
    outcome = train_group(lanes)
    assert isinstance(outcome, Done), outcome
    return outcome


def rows(groups, run_id):
    """Return the metrics of one run, wall time left out."""
    for group in groups:
        outcome = train_group(group)
        assert isinstance(outcome, Done), outcome
        metrics = [row for row in outcome.metrics if row["run_id"] == run_id]
        if metrics:
            return [{k: v for k, v in row.items() if k != "wall_time_s"} for row in metrics]
    raise AssertionError(run_id)


def metrics(groups, checkpointing=None):
    """Return the metrics of all runs of some groups by run, in comparable form."""
    measured = []
    for group in groups:
        outcome = train_group(group, checkpointing=checkpointing)
        assert isinstance(outcome, Done), outcome
        measured += outcome.metrics
    return comparable(measured)


def check_fused_lanes(lanes: Sequence[RunSpec], folder: Path, stop: int) -> None:
    """Compare lanes of one computation with one of them alone, and with a resumed training.

    Args:
        lanes: The runs, which do not diverge.
        folder: Where the checkpoint is written.
        stop: Steps after which training stops and resumes; all runs are evaluated there.
    """
    group, checkpointing = FusedGroup(tuple(lanes)), Checkpointing(folder / "checkpoint", 1e9)
    together = metrics([group])
    first, resumed = [], []
    stopped = train_group(group, first.append, checkpointing, lambda: first[-1].step >= stop)
    assert isinstance(stopped, Stopped)
    done = train_group(group, resumed.append, checkpointing)
    assert isinstance(done, Done), done
    assert first[-1].step == stop < resumed[0].step
    # An unfused group has a single lane; a lane that has diverged is removed.
    assert {progress.lanes for progress in (*first, *resumed)} == {len(lanes)}
    assert comparable(done.metrics) == together
    middle = lanes[len(lanes) // 2]
    assert metrics([FusedGroup((middle,))]) == {middle.run_id: together[middle.run_id]}


@contextmanager
def crashing(is_affected: Callable[[RunConfig], bool]) -> Iterator[None]:
    """Have the groups that contain certain runs crash."""
    train = GroupTraining.run

    def run(training: GroupTraining) -> object:
        if any(is_affected(record.spec.config) for record in training.runs):
            raise ValueError("no luck")
        return train(training)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GroupTraining, "run", run)
        yield
