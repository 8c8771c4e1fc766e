"""Lanes of small groups."""

from typing import Any

from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.loop import GroupTraining
from adamcmp.training.step.config import StepConfig
from tests.support.training import FusedGroup

SMALL_GROUP = [
    *("dataset=teacher", "dataset.train_examples=60", "dataset.test_examples=20"),
    *("batch_size=10", "steps=20"),
]


def group_training(specs: Any, *overrides: str, fused: bool = True) -> GroupTraining:
    """Return the training of a group before its first step, by default of one lane per run."""
    runs = tuple(specs([*SMALL_GROUP, *overrides]))
    return GroupTraining((FusedGroup if fused else LaneGroup)(runs))


def step_config(specs: Any, *overrides: str, fused: bool = True) -> StepConfig:
    """Return the settings that the lanes of a group share."""
    return group_training(specs, *overrides, fused=fused).lanes.step_config
