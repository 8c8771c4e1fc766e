"""The checkpoints of a study's unfinished groups.

A checkpoint's metadata has ``runs``, the ids of its runs, and ``steps_taken``.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from adamcmp.errors import StoreError
from adamcmp.storage import archive
from adamcmp.storage.files import Files, FileVersion

#: The folder of a study's checkpoints, with a slash at its end.
CHECKPOINT_FOLDER = "checkpoints/"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpointing:
    """Where and how often the checkpoint of a group is saved, and what it resumes from.

    Attributes:
        path: The group's checkpoint: resumed from if it exists, rewritten periodically.
        every: Seconds between checkpoints.
        source: Checkpoint of a larger group, resumed from if `path` does not exist.
    """

    path: Path
    every: float
    source: Path | None = None


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoint files of one study on disk.

    Workers read and write the content at a local `path`, with `adamcmp.storage.archive`: they are
    other processes, which get picklable tasks and no connection to a store. For files elsewhere
    than on disk, `adamcmp.storage.bucket_checkpoints` transfers these files.

    Attributes:
        files: The study's files.
    """

    files: Files

    def transferring(self) -> AbstractContextManager[object]:
        """Return a context in which written checkpoints become part of the study."""
        return nullcontext()

    def fetch(self, run_ids: Iterable[str]) -> None:
        """Make the checkpoint of a group, if there is one, available at its path."""

    def existing(self) -> dict[Path, frozenset[str]]:
        """Return the path and the run ids of each existing checkpoint.

        The checkpoint with the most steps comes first. Checkpoints that cannot be resumed from are
        removed, with a warning.
        """
        return {self.files.path / name: run_ids for name, run_ids in self._existing().items()}

    def path(self, run_ids: Iterable[str]) -> Path:
        """Return the path of the checkpoint of a group of runs."""
        return self.files.path / checkpoint_name(run_ids)

    def remove(self, run_ids: Iterable[str]) -> None:
        """Remove the checkpoint of a group that has ended."""
        self._remove(checkpoint_name(run_ids))

    def remove_finished(self, ended: Collection[str]) -> None:
        """Remove the checkpoints whose runs have all ended."""
        for name, run_ids in self._existing().items():
            if run_ids <= set(ended):
                self._remove(name)

    def remove_partial_writes(self, run_ids: Iterable[str]) -> None:
        """Remove what a process that died while it wrote a group's checkpoint has left of it."""
        self.files.remove_partial_writes(checkpoint_name(run_ids), time.time_ns())

    def _existing(self) -> dict[str, frozenset[str]]:
        def usable(item: tuple[str, FileVersion]) -> tuple[int, str, frozenset[str]] | None:
            name, version = item
            try:
                steps_taken, run_ids = self._progress(name, version)
            except FileNotFoundError:  # another process has just removed it
                return None
            except StoreError as error:
                logger.warning("adamcmp: %s Its runs start from the beginning.", error)
                self._remove(name)
                return None
            return -steps_taken, name, run_ids

        existing = self.files.concurrently(usable, self._versions().items())
        return {name: run_ids for _, name, run_ids in sorted(filter(None, existing))}

    def _versions(self) -> dict[str, FileVersion]:
        """Return the names of the checkpoints, and the version of the file with their progress."""
        listed = self.files.list(CHECKPOINT_FOLDER)
        return {name: version for name, version in listed.items() if name.endswith(".npz")}

    def _progress(self, name: str, version: FileVersion) -> tuple[int, frozenset[str]]:
        """Return the steps taken and the run ids of a checkpoint.

        Raises:
            FileNotFoundError: If it does not exist.
            StoreError: If it cannot be resumed from.
        """
        return _progress(self.files, name, version)

    def _remove(self, name: str) -> None:
        self.files.delete(name)
        self.files.remove_partial_writes(name, time.time_ns())


@lru_cache(maxsize=4096)
def _progress(files: Files, name: str, version: FileVersion) -> tuple[int, frozenset[str]]:
    """Read the progress of a checkpoint, once per process."""
    del version  # part of the cache key only
    metadata, _ = archive.decode(files.read(name), files.location(name))
    return metadata["steps_taken"], frozenset(metadata["runs"])


def checkpoint_name(run_ids: Iterable[str]) -> str:
    """Return the name of the file of the checkpoint of a group of runs."""
    digest = hashlib.sha256(" ".join(sorted(run_ids)).encode()).hexdigest()[:16]
    return f"{CHECKPOINT_FOLDER}{digest}.npz"
