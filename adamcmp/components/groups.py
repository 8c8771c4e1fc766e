"""The config groups and their base classes."""

from __future__ import annotations

from adamcmp.components.datasets import Dataset
from adamcmp.components.executors import ExecutorSettings
from adamcmp.components.losses import Loss
from adamcmp.components.models import Model
from adamcmp.components.optimizers import Optimizer
from adamcmp.components.registry import Group
from adamcmp.components.schedules import Schedule
from adamcmp.components.trackers import Tracker

#: The groups whose components define a run, by config key.
COMPONENT_GROUPS: dict[str, Group] = {
    "dataset": Group("datasets", Dataset),
    "model": Group("models", Model),
    "optimizer": Group("optimizers", Optimizer, name_field="rule"),
    "schedule": Group("schedules", Schedule),
    "loss": Group("losses", Loss),
    "wd_schedule": Group("schedules", Schedule),
}
#: All groups. The tracker (config key ``logger``) and the executor do not affect results.
CONFIG_GROUPS: dict[str, Group] = {
    **COMPONENT_GROUPS,
    "logger": Group("trackers", Tracker),
    "executor": Group("executors", ExecutorSettings),
}
