"""CIFAR-10, through torchvision."""

from typing import ClassVar

from adamcmp.components.datasets._base import NonNegativeInt
from adamcmp.components.datasets._torchvision import CIFARLike


class CIFAR10(CIFARLike):
    """CIFAR-10 (Krizhevsky 2009): 50,000 + 10,000 color images of 32×32, 10 classes."""

    reader_name: ClassVar[str] = "CIFAR10"

    flip: bool = True
    crop: NonNegativeInt = 4
