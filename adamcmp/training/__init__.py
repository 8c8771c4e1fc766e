"""Training a group of lanes: data on the device, the lanes' state, one step, evaluation."""

from adamcmp.training.autotune import survey
from adamcmp.training.checks import check_group
from adamcmp.training.loop import TrainingProgress, train, train_group

__all__ = ["TrainingProgress", "check_group", "survey", "train", "train_group"]
