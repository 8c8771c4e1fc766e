"""No tracker."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from adamcmp.components.trackers._base import Logger, Mirrored


class Nothing(Logger):
    """Mirrors nothing: results are in the study's folder alone."""

    def mirror(self, folder: Path, runs: Iterable[Mirrored]) -> Iterator[str]:
        """See `Logger.mirror`."""
        return iter(())
