"""SVHN, through torchvision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from adamcmp.components.data import Split
from adamcmp.components.datasets._base import NonNegativeInt
from adamcmp.components.datasets._torchvision import TorchvisionDataset
from adamcmp.components.datasets._torchvision_files import KnownFile, svhn_files


class SVHN(TorchvisionDataset):
    """Street View House Numbers (Netzer et al. 2011): 73,257 + 26,032 color images of 32×32."""

    crop: NonNegativeInt = 4

    reader_name: ClassVar[str] = "SVHN"

    def files(self, reader: Any) -> Iterator[KnownFile]:
        """See `TorchvisionDataset.files`."""
        return svhn_files(reader)

    def open_split(self, reader: Any, root: str, *, train: bool) -> Any:
        """See `TorchvisionDataset.open_split`."""
        return reader(root, split="train" if train else "test", download=self.download)

    def arrays(self, opened: Any) -> Split:
        """See `TorchvisionDataset.arrays`; SVHN's class holds images (N, C, H, W)."""
        return Split(opened.data.astype(np.float32) / 255, opened.labels.astype(np.int64))
