"""No tracker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from adamcmp.components.trackers._base import TrackedRun, Tracker


class NoTracker(Tracker):
    """Writes nothing: results are only in the study's folder."""

    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """See `Tracker.write`."""
        return iter(())
