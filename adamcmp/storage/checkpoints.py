"""List and remove the checkpoints of a study's unfinished groups.

Workers read and write their content with `adamcmp.storage.archive`. A checkpoint's metadata has
``runs``, the ids of its runs, and ``steps_taken``.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from adamcmp.errors import StoreError
from adamcmp.platform.files import temporary_files
from adamcmp.storage import archive

#: The folder of a study's checkpoints.
CHECKPOINT_FOLDER = "checkpoints"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoint files of one study.

    Attributes:
        folder: The folder of the files.
    """

    folder: Path

    def existing(self) -> dict[Path, frozenset[str]]:
        """Return the path and the run ids of each existing checkpoint.

        The checkpoint with the most steps comes first. Checkpoints that cannot be resumed from are
        removed, with a warning.
        """
        usable = []
        for path in self.folder.glob("*.npz"):
            try:
                metadata, _ = archive.read(path)
            except FileNotFoundError:  # another process has just removed it
                continue
            except StoreError as error:
                logger.warning("adamcmp: %s Its runs start from the beginning.", error)
                path.unlink(missing_ok=True)
                continue
            usable.append((-metadata["steps_taken"], path, frozenset(metadata["runs"])))
        return {path: run_ids for _, path, run_ids in sorted(usable)}

    def path(self, run_ids: Iterable[str]) -> Path:
        """Return the path of the checkpoint of a group of runs."""
        digest = hashlib.sha256(" ".join(sorted(run_ids)).encode()).hexdigest()[:16]
        return self.folder / f"{digest}.npz"

    def remove(self, path: Path) -> None:
        """Remove the checkpoint of a group that has ended."""
        path.unlink(missing_ok=True)
        self.remove_partial_writes(path)

    def remove_finished(self, ended: Collection[str]) -> None:
        """Remove the checkpoints whose runs have all ended."""
        for path, run_ids in self.existing().items():
            if run_ids <= set(ended):
                self.remove(path)

    @staticmethod
    def remove_partial_writes(path: Path) -> None:
        """Remove the temporary file of a worker that died while it wrote a checkpoint."""
        for temporary in temporary_files(path):
            temporary.unlink(missing_ok=True)
