"""Training losses; see `Loss`."""

from adamcmp.losses._base import Loss

__all__ = ["Loss"]
