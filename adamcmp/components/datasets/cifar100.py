"""CIFAR-100, through torchvision."""

from typing import ClassVar

from adamcmp.components.datasets._base import NonNegativeInt
from adamcmp.components.datasets._torchvision import CIFARLike


class CIFAR100(CIFARLike):
    """CIFAR-100 (Krizhevsky 2009): 50,000 + 10,000 color images of 32×32, 100 classes."""

    reader_name: ClassVar[str] = "CIFAR100"

    flip: bool = True
    crop: NonNegativeInt = 4
