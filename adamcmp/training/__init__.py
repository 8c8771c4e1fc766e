"""Training a group of lanes: data on the device, the lanes' state, one step, evaluation."""

from adamcmp.training.loop import Progress, check_group, survey, train, train_group

__all__ = ["Progress", "check_group", "survey", "train", "train_group"]
