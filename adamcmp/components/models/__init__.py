"""Models, built for the shape of the dataset's examples; see `Model`."""

from adamcmp.components.models._base import Model

__all__ = ["Model"]
