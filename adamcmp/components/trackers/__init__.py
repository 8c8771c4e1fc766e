"""Experiment trackers that stored runs are also written to; see `Tracker`."""

from adamcmp.components.trackers._base import Evaluation, TrackedRun, Tracker
from adamcmp.components.trackers.none import NoTracker

#: The tracker that writes nothing.
NO_TRACKER = NoTracker(name="none")

__all__ = ["NO_TRACKER", "Evaluation", "TrackedRun", "Tracker"]
