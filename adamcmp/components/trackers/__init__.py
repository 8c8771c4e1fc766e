"""Loggers: what mirrors stored runs to a tracker; see `Logger`."""

from adamcmp.components.trackers._base import Evaluation, Logger, Mirrored
from adamcmp.components.trackers.none import Nothing

#: Mirrors nothing.
NO_LOGGER = Nothing(name="none")

__all__ = ["NO_LOGGER", "Evaluation", "Logger", "Mirrored"]
