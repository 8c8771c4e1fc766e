"""MNIST, through torchvision."""

from typing import ClassVar

from adamcmp.components.datasets._torchvision import MNISTLike


class MNIST(MNISTLike):
    """MNIST (LeCun et al. 1998): 60,000 + 10,000 gray images of 28×28, 10 digits."""

    reader_name: ClassVar[str] = "MNIST"
