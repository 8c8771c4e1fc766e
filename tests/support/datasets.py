"""Loads datasets in tests."""

from adamcmp.components.data import Data
from adamcmp.config import build_component


def load(**values: object) -> Data:
    """Return a dataset, ready for training, from its settings."""
    return build_component("dataset", values).load()
