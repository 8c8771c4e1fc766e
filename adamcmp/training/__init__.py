"""Training a group of lanes: data on the device, the lanes' state, one step, evaluation."""

from adamcmp.training.checks import check_group
from adamcmp.training.loop import Progress, train, train_group
from adamcmp.training.survey import survey

__all__ = ["Progress", "check_group", "survey", "train", "train_group"]
