"""Datasets, in memory, with a seeded validation split; see `Dataset`."""

from adamcmp.datasets._base import Augmentation, Dataset

__all__ = ["Augmentation", "Dataset"]
