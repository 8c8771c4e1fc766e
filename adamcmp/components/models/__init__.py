"""Models, sized by their config for the dataset at hand; see `Model`."""

from adamcmp.components.models._base import Model

__all__ = ["Model"]
