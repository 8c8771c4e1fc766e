"""Datasets in memory, with a seeded validation split; see `Dataset`."""

from adamcmp.components.datasets._base import Augmentation, Dataset
from adamcmp.components.datasets._loading import load_cached

__all__ = ["Augmentation", "Dataset", "load_cached"]
