"""Datasets read by torchvision from the files that it downloads."""

from __future__ import annotations

import contextlib
import hashlib
import io
import sys
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from adamcmp.components.data import Split
from adamcmp.components.datasets import _torchvision_files
from adamcmp.components.datasets._base import ImageDataset
from adamcmp.components.datasets._torchvision_files import KnownFile
from adamcmp.errors import DataError
from adamcmp.platform.files import expand_user
from adamcmp.platform.progress import shows_progress
from adamcmp.platform.torchvision_import import torchvision


class TorchvisionDataset(ImageDataset):
    """An image dataset of torchvision.datasets.

    A file whose md5 sum torchvision knows (CIFAR, SVHN) is checked before it is opened, which also
    protects against malicious pickles.

    Attributes:
        root: Folder of the files, in torchvision's layout.
        download: Download missing files with torchvision.
    """

    root: str = "data"
    download: bool = False

    excluded_from_identity: ClassVar[frozenset[str]] = frozenset({"root", "download"})
    #: Name of the class in torchvision.datasets.
    reader_name: ClassVar[str]

    def reader(self) -> Any:
        """Return the class of torchvision.datasets that reads and downloads the files."""
        return getattr(torchvision("datasets"), self.reader_name)

    @abstractmethod
    def files(self, reader: Any) -> Iterator[KnownFile]:
        """Yield the files that are read."""

    def open_split(self, reader: Any, root: str, *, train: bool) -> Any:
        """Open the training or the test set; download it if `download` is set."""
        return reader(root, train=train, download=self.download)

    def arrays(self, opened: Any) -> Split:
        """Return the examples of an opened set."""
        return Split(as_images(np.asarray(opened.data)), np.asarray(opened.targets, np.int64))

    def read(self) -> tuple[Split, Split]:
        """See `Dataset.read`."""
        reader, root = self.reader(), expand_user(self.root)
        if self.download:
            self._download(reader, root)
        self._check_files(reader, root)
        try:
            train, test = (
                self.arrays(self.open_split(reader, str(root), train=train))
                for train in (True, False)
            )
        # For a damaged file torchvision raises an AssertionError without a message, EOFError,
        # UnpicklingError, ValueError or KeyError.
        except Exception as error:
            damaged = self.damaged(reader, root) or [f"a file under {root}"]
            reason = str(error) or type(error).__name__
            raise DataError(
                f"dataset {self.name}: {', '.join(damaged)} is corrupt ({reason}). "
                f"Delete it and add download=true."
            ) from error
        return train, test

    def damaged(self, reader: Any, root: Path) -> list[str]:
        """Return the files that passed the md5 check but cannot be read."""
        return []

    def _download(self, reader: Any, root: Path) -> None:
        from urllib.error import URLError

        try:
            # torchvision prints to stdout, which is for results, and shows a bar on stderr.
            stream = sys.stderr if shows_progress() else io.StringIO()
            with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
                for train in (True, False):
                    self.open_split(reader, str(root), train=train)
        except (URLError, OSError, RuntimeError) as error:
            raise DataError(f"dataset {self.name}: the download failed ({error}).") from error

    def _check_files(self, reader: Any, root: Path) -> None:
        for file, md5 in self.files(reader):
            path = root / file
            if not path.is_file():
                raise DataError(
                    f"dataset {self.name}: {path} is missing. Add download=true to fetch it, "
                    f"or root=FOLDER with the folder of the files."
                )
            if md5 is not None and _md5(path) != md5:
                raise DataError(
                    f"dataset {self.name}: {path} is corrupt (its md5 sum is not that of the "
                    f"original). Delete it and add download=true."
                )


class MNISTLike(TorchvisionDataset):
    """MNIST and datasets in its format: four uncompressed IDX files."""

    def files(self, reader: Any) -> Iterator[KnownFile]:
        """See `TorchvisionDataset.files`."""
        return _torchvision_files.mnist_files(reader)

    def damaged(self, reader: Any, root: Path) -> list[str]:
        """See `TorchvisionDataset.damaged`."""
        paths = [root / file for file, _ in self.files(reader)]
        return [str(path) for path in paths if not _torchvision_files.is_readable_idx(path)]


class CIFARLike(TorchvisionDataset):
    """CIFAR-10 and CIFAR-100: pickled batches, each with its md5 sum."""

    def files(self, reader: Any) -> Iterator[KnownFile]:
        """See `TorchvisionDataset.files`."""
        return _torchvision_files.cifar_files(reader)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def as_images(raw: NDArray[Any]) -> NDArray[np.float32]:
    """Return bytes (N, H, W) or (N, H, W, C) as float32 (N, C, H, W) in [0, 1]."""
    channels_last = raw[..., None] if raw.ndim == 3 else raw
    return np.ascontiguousarray(channels_last.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
