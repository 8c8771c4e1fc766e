"""Training losses; see `Loss`."""

from adamcmp.components.losses._base import Loss

__all__ = ["Loss"]
