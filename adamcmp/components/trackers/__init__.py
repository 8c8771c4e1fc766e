"""Loggers: what mirrors stored runs to a tracker; see `Tracker`."""

from adamcmp.components.trackers._base import Evaluation, TrackedRun, Tracker
from adamcmp.components.trackers.none import NoTracker

#: Mirrors nothing.
NO_TRACKER = NoTracker(name="none")

__all__ = ["NO_TRACKER", "Evaluation", "TrackedRun", "Tracker"]
