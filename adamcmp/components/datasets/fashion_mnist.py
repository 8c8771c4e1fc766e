"""Fashion-MNIST, through torchvision."""

from typing import ClassVar

from adamcmp.components.datasets._torchvision import MNISTLike


class FashionMNIST(MNISTLike):
    """Fashion-MNIST (Xiao et al. 2017): 60,000 + 10,000 gray images of 28×28, 10 classes."""

    reader_name: ClassVar[str] = "FashionMNIST"
