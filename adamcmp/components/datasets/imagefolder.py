"""Images of users in folders, one for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from adamcmp.components.data import Data, Split
from adamcmp.components.datasets._base import ImageDataset
from adamcmp.components.datasets._torchvision import as_images
from adamcmp.components.datasets._user_file import UserFile
from adamcmp.platform.cache import cached_arrays
from adamcmp.platform.files import expand_user
from adamcmp.platform.memory import available_memory, format_bytes
from adamcmp.platform.progress import shows_progress
from adamcmp.platform.provenance import package_version

#: The extensions that torchvision's ImageFolder reads.
_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"})
#: Bytes per color value of an image, while it is standardized and afterwards.
_PEAK_BYTES, _BYTES = 21, 4


class ImageFolder(UserFile, ImageDataset):
    """Color images in the layout of torchvision's ImageFolder: ``PATH/CLASS/IMAGE.png``.

    With folders ``PATH/train/CLASS`` and ``PATH/test/CLASS``, the latter is the test set. Each
    image is scaled to `size` on its shorter side and cropped at the center. The scaled images are
    cached.

    Attributes:
        path: Path of the folder.
        size: Height and width of the images.
    """

    path: str = Field(description="the folder of the classes, like dataset.path=my/images")
    task: Literal["classification"] = "classification"
    size: Annotated[int, Field(ge=1)] = 32

    def examples(self) -> tuple[Split, Split | None]:
        """See `UserData.examples`.

        Raises:
            DataError: If the images do not fit into the available memory, before they are read.
        """
        sets = self._sets()
        needed, available = _PEAK_BYTES * self._numbers(), available_memory()
        if needed > available:
            raise self.error(
                f"{sum(map(len, sets)):,} images of 3×{self.size}×{self.size} need "
                f"{format_bytes(needed)} of memory, and {format_bytes(available)} are available. "
                f"Use a smaller dataset.size, or fewer images."
            )
        images = as_images(self._cached())
        classes = np.array([name for files in sets for name, _ in files])
        cut = len(sets[0])
        train, test = (Split(images[s], classes[s]) for s in (slice(cut), slice(cut, None)))
        return train, (test if len(sets) > 1 else None)

    def examine(self, data: Data) -> tuple[str, ...]:
        """See `Dataset.examine`."""
        memory = (
            f"{self.label}: the images take {format_bytes(_BYTES * self._numbers())} of memory in "
            f"each process that trains."
        )
        return (memory, *super().examine(data))

    def _numbers(self) -> int:
        """Return the number of color values of all images."""
        return sum(map(len, self._sets())) * 3 * self.size**2

    def digest(self) -> str:
        """See `UserFile.digest`."""
        files = [file for images in self._sets() for _, file in images]
        states = ((file, file.stat()) for file in files)
        return _digest(self._root(), tuple((file, s.st_size, s.st_mtime_ns) for file, s in states))

    def _root(self) -> Path:
        root = expand_user(self.path)
        if not root.is_dir():
            raise self.error("there is no such folder.")
        return root

    def _folders(self) -> list[Path]:
        """Return the folder of the training set and, if there is one, of the test set."""
        root = self._root()
        names = {folder.name for folder in _subfolders(root)}
        if "train" not in names:
            return [root]
        if others := sorted(names - {"train", "test"}):
            raise self.error(
                f"has a folder {others[0]!r} beside train. Name the folder of the test set test; "
                f"dataset.validation holds out a part of train."
            )
        return [root / name for name in ("train", "test") if name in names]

    def _sets(self) -> list[list[tuple[str, Path]]]:
        """Return (class, file) of the images of the training set and, if any, of the test set."""
        sets = []
        for folder in self._folders():
            sets.append(list(_images(folder)))
            if not sets[-1]:
                raise self.error(f"{folder} has no folders of classes with images.")
        return sets

    def _cached(self) -> NDArray[np.uint8]:
        """Return the scaled images of both sets (N, size, size, 3) from the cache."""
        name = f"imagefolder-{self.digest()[:32]}-{self.size}-{package_version('pillow')}"
        return cached_arrays(name, lambda: {"images": self._scaled()})["images"]

    def _scaled(self) -> NDArray[np.uint8]:
        from PIL import Image, ImageOps
        from tqdm import tqdm

        files = [file for images in self._sets() for _, file in images]
        scaled = np.empty((len(files), self.size, self.size, 3), np.uint8)
        text = f"reading images, {format_bytes(_PEAK_BYTES * self._numbers())} of memory"
        bar = tqdm(files, text, disable=not shows_progress(), leave=False, delay=1)
        for number, file in enumerate(bar):
            try:
                with Image.open(file) as image:
                    size = (self.size, self.size)
                    fitted = ImageOps.fit(image.convert("RGB"), size, Image.Resampling.BILINEAR)
            except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises
                raise self.error(f"{file} is not an image ({error}). Remove it.") from None
            scaled[number] = np.asarray(fitted)
        return scaled


def _subfolders(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _images(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the class and the file of each image below a folder of classes."""
    for subfolder in _subfolders(folder):
        for file in sorted(subfolder.rglob("*")):
            if file.suffix.lower() in _EXTENSIONS and file.is_file():
                yield subfolder.name, file


@lru_cache(maxsize=8)
def _digest(root: Path, states: tuple[tuple[Path, int, int], ...]) -> str:
    """Return a digest of the names and contents of files.

    Args:
        root: The folder that names are relative to.
        states: File, size and time of the last change. The digest is computed again if one differs.
    """
    digest = hashlib.sha256()
    for file, _, _ in states:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(root).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()
