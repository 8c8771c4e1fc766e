"""Adapter to the undocumented parts of torchvision.datasets: which files a class reads.

Only this module uses them; tests/components/datasets/test_torchvision.py lists the tested versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adamcmp.platform.torchvision_import import torchvision

#: The path of a file below the root, and its md5 sum if torchvision knows that.
KnownFile = tuple[str, str | None]


def mnist_files(reader: Any) -> Iterator[KnownFile]:
    """Yield the files of MNIST or a dataset in its format; known sums are of their archives."""
    for archive, _ in reader.resources:
        yield f"{reader.__name__}/raw/{Path(archive).stem}", None


def cifar_files(reader: Any) -> Iterator[KnownFile]:
    """Yield the files of CIFAR-10 or CIFAR-100."""
    meta = reader.meta["filename"], reader.meta["md5"]
    for file, md5 in [*reader.train_list, *reader.test_list, meta]:
        yield f"{reader.base_folder}/{file}", md5


def svhn_files(reader: Any) -> Iterator[KnownFile]:
    """Yield the files of SVHN that hold the training and the test set."""
    for split in ("train", "test"):
        _, file, md5 = reader.split_list[split]
        yield file, md5


def is_readable_idx(path: Path) -> bool:
    """Return whether torchvision can read a file in MNIST's format."""
    try:
        torchvision("datasets.mnist").read_sn3_pascalvincent_tensor(str(path))
    except Exception:
        return False
    return True
