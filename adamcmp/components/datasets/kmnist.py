"""Kuzushiji-MNIST, through torchvision."""

from typing import ClassVar

from adamcmp.components.datasets._torchvision import MNISTLike


class KMNIST(MNISTLike):
    """Kuzushiji-MNIST (Clanuwat et al. 2018): 60,000 + 10,000 images of 28×28, 10 characters."""

    reader_name: ClassVar[str] = "KMNIST"
