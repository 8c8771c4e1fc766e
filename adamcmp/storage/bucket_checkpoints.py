"""The checkpoints of a study that is not on disk: the process that trains transfers them.

Workers read and write checkpoints in a temporary folder of this machine. While runs are trained, a
thread uploads those that have changed. A checkpoint is two files: ``<name>.npz``, and
``<name>.json`` with its runs and the number of steps, which is written last, and without which the
first one is ignored. So the checkpoints of a study are listed without reading their content.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from adamcmp.errors import StoreError
from adamcmp.platform.files import write_atomically
from adamcmp.storage import archive
from adamcmp.storage.checkpoints import CHECKPOINT_FOLDER, Checkpoints, checkpoint_name
from adamcmp.storage.files import Files, FileVersion

#: Seconds between two looks for checkpoints that worker processes have written.
UPLOAD_EVERY = 5.0

logger = logging.getLogger(__name__)


class BucketCheckpoints(Checkpoints):
    """The checkpoints of a study that is not on disk."""

    def transferring(self) -> contextlib.AbstractContextManager[object]:
        """See `Checkpoints.transferring`: a thread uploads checkpoints until the context ends."""
        return self._transfer.running()

    def fetch(self, run_ids: Iterable[str]) -> None:
        """See `Checkpoints.fetch`."""
        self._transfer.download(checkpoint_name(run_ids))

    def existing(self) -> dict[Path, frozenset[str]]:
        """See `Checkpoints.existing`; the content is at a path after `fetch` only."""
        return {self._transfer.path(name): run_ids for name, run_ids in self._existing().items()}

    def path(self, run_ids: Iterable[str]) -> Path:
        """See `Checkpoints.path`."""
        return self._transfer.path(checkpoint_name(run_ids))

    def remove_partial_writes(self, run_ids: Iterable[str]) -> None:
        """Do nothing: the temporary folder is removed when this process ends."""

    def _versions(self) -> dict[str, FileVersion]:
        listed = self.files.list(CHECKPOINT_FOLDER)
        versions = {
            name: listed[_progress_file(name)]
            for name in listed
            if name.endswith(".npz") and _progress_file(name) in listed
        }
        if versions:
            self._transfer.stored.update(versions)
        return versions

    def _progress(self, name: str, version: FileVersion) -> tuple[int, frozenset[str]]:
        return _progress(self.files, name, version)

    def _remove(self, name: str) -> None:
        self._transfer.remove(name)

    @cached_property
    def _transfer(self) -> _Transfer:
        return _Transfer(self.files)


class _Transfer:
    """Copies checkpoints between the study and a temporary folder of this process.

    Attributes:
        stored: The checkpoints that this process has seen in the study, so that it requests no
            others.
    """

    def __init__(self, files: Files) -> None:
        self.stored: set[str] = set()
        self._files = files
        self._folder = tempfile.mkdtemp(prefix="adamcmp-checkpoints-")
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.path(CHECKPOINT_FOLDER).mkdir()
        #: When the content of each local file was last equal to that of the study.
        self._equal_at: dict[str, int] = {}
        self._mutex = threading.RLock()
        self._ended = threading.Event()

    def path(self, name: str) -> Path:
        """Return the path of a local file."""
        return Path(self._folder, name)

    def download(self, name: str) -> None:
        """Read a checkpoint, unless this machine has it or the study does not."""
        path = self.path(name)
        if path.exists() or name not in self.stored:
            return
        with contextlib.suppress(FileNotFoundError), self._mutex:
            write_atomically(path, self._files.read(name))
            self._equal_at[name] = path.stat().st_mtime_ns

    def remove(self, name: str) -> None:
        """Remove a checkpoint from this machine and from the study."""
        with self._mutex:
            self.path(name).unlink(missing_ok=True)
            if name in self.stored:
                self._files.delete(_progress_file(name))
                self._files.delete(name)
                self.stored.remove(name)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Upload changed checkpoints while the context lasts, and when it ends."""
        self._ended.clear()
        thread = threading.Thread(target=self._upload_often, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._upload_changed()

    def _upload_often(self) -> None:
        while not self._ended.wait(UPLOAD_EVERY):
            self._upload_changed()

    def _upload_changed(self) -> None:
        for path in self.path(CHECKPOINT_FOLDER).glob("*.npz"):
            try:
                with self._mutex, contextlib.suppress(FileNotFoundError):
                    self._upload(path)
            except (OSError, StoreError) as error:
                logger.warning("adamcmp: a checkpoint was not stored: %s", error)

    def _upload(self, path: Path) -> None:
        name, written = f"{CHECKPOINT_FOLDER}{path.name}", path.stat().st_mtime_ns
        if self._equal_at.get(name) == written:
            return
        content = path.read_bytes()
        metadata, _ = archive.decode(content, str(path))
        record = {key: metadata[key] for key in ("steps_taken", "runs")}
        self.stored.add(name)
        self._files.replace(name, content)
        self._files.replace(_progress_file(name), json.dumps(record).encode())
        self._equal_at[name] = written


@dataclass(frozen=True)
class _Progress:
    steps_taken: int
    runs: frozenset[str]


@lru_cache(maxsize=4096)
def _progress(files: Files, name: str, version: FileVersion) -> tuple[int, frozenset[str]]:
    """Read the progress of a checkpoint, once per process."""
    del version  # part of the cache key only
    file = _progress_file(name)
    try:
        progress = TypeAdapter(_Progress).validate_json(files.read(file))
    except ValidationError:
        raise StoreError(f"{files.location(file)} is damaged.") from None
    return progress.steps_taken, progress.runs


def _progress_file(name: str) -> str:
    """Return the name of the file with the runs and the steps of a checkpoint."""
    return f"{name.removesuffix('.npz')}.json"
