"""Functions of two variables on which optimizers can be watched."""

from __future__ import annotations

import contextlib
import json
import math
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from adamcmp.components.registry import Component
from adamcmp.components.validation import build
from adamcmp.errors import ConfigError, NotFound, nearest

if TYPE_CHECKING:
    from torch import Tensor

Point = tuple[float, float]


class Landscape(Component):
    """A function f(x, y).

    Attributes:
        noise: Standard deviation of normal noise that is added to each component of a gradient.
    """

    noise: float = Field(default=0.0, ge=0)

    #: What is special about the function, in one line.
    summary: ClassVar[str]
    start: ClassVar[Point]
    minimum: ClassVar[Point]
    #: The part of the plane that pictures show: lowest and highest x, lowest and highest y.
    limits: ClassVar[tuple[float, float, float, float]]
    steps: ClassVar[int]
    #: Learning rate of rules whose steps do not grow with the gradient: the length of a step.
    step_length: ClassVar[float]

    @property
    @abstractmethod
    def curvature(self) -> float:
        """The largest curvature on the way to the minimum: SGD diverges from lr 2/curvature."""

    @abstractmethod
    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """Return f(x, y) without noise."""


class Quadratic(Landscape):
    """A quadratic bowl, in which the curvatures of two directions differ.

    f = (a² + κ·b²)/2, where a and b are the coordinates relative to the minimum, rotated.

    Attributes:
        condition: The condition number κ: the largest curvature divided by the smallest.
        angle: Rotation of the directions in degrees. Rules that scale each coordinate separately,
            such as Adam, depend on it.
    """

    condition: float = Field(default=20.0, ge=1)
    angle: float = 30.0

    summary: ClassVar[str] = "a quadratic bowl; condition= (20), angle= (30 degrees), noise="
    start: ClassVar[Point] = (-1.5, 1.5)
    minimum: ClassVar[Point] = (1.0, 0.5)
    limits: ClassVar[tuple[float, float, float, float]] = (-2.0, 2.0, -1.5, 2.0)
    steps: ClassVar[int] = 100
    step_length: ClassVar[float] = 0.1

    @property
    def curvature(self) -> float:
        """See `Landscape.curvature`."""
        return self.condition

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Landscape.value`."""
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        x, y = x - self.minimum[0], y - self.minimum[1]
        return ((cos * x + sin * y).square() + self.condition * (cos * y - sin * x).square()) / 2


class Rosenbrock(Landscape):
    """A curved valley with a flat floor: f = (1 − x)² + 100·(y − x²)² (Rosenbrock 1960)."""

    summary: ClassVar[str] = "a curved valley with a flat floor; noise="
    start: ClassVar[Point] = (-1.2, 1.0)
    minimum: ClassVar[Point] = (1.0, 1.0)
    limits: ClassVar[tuple[float, float, float, float]] = (-1.7, 1.7, -0.7, 2.2)
    steps: ClassVar[int] = 500
    step_length: ClassVar[float] = 0.1

    @property
    def curvature(self) -> float:
        """See `Landscape.curvature`."""
        return 1500.0

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Landscape.value`."""
        return (1 - x).square() + 100 * (y - x.square()).square()


class Beale(Landscape):
    """Flat, with steep corners (Beale 1958).

    f = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)²
    """

    summary: ClassVar[str] = "a flat function with steep corners; noise="
    start: ClassVar[Point] = (1.0, 1.2)
    minimum: ClassVar[Point] = (3.0, 0.5)
    limits: ClassVar[tuple[float, float, float, float]] = (-0.5, 4.0, -1.0, 2.2)
    steps: ClassVar[int] = 300
    step_length: ClassVar[float] = 0.05

    @property
    def curvature(self) -> float:
        """See `Landscape.curvature`."""
        return 100.0

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Landscape.value`."""
        terms = zip((1.5, 2.25, 2.625), (1, 2, 3), strict=True)
        squares = [(constant - x + x * y**power).square() for constant, power in terms]
        return squares[0] + squares[1] + squares[2]


class NoisyValley(Landscape):
    """A long valley whose gradients are noisy, as those of batches: f = (x² + 40·y²)/20.

    The minimum is at (2, 0.5); x and y in the formula are relative to it.
    """

    noise: float = Field(default=1.0, ge=0)

    summary: ClassVar[str] = "a long valley with noisy gradients; noise= (1)"
    start: ClassVar[Point] = (-2.0, 1.2)
    minimum: ClassVar[Point] = (2.0, 0.5)
    limits: ClassVar[tuple[float, float, float, float]] = (-2.8, 3.4, -1.8, 2.8)
    steps: ClassVar[int] = 200
    step_length: ClassVar[float] = 0.08

    @property
    def curvature(self) -> float:
        """See `Landscape.curvature`."""
        return 4.0

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """See `Landscape.value`."""
        x, y = x - self.minimum[0], y - self.minimum[1]
        return (x.square() + 40 * y.square()) / 20


LANDSCAPES: dict[str, type[Landscape]] = {
    **{"quadratic": Quadratic, "rosenbrock": Rosenbrock, "beale": Beale},
    "noisy_valley": NoisyValley,
}


def parse_landscape(text: str) -> Landscape:
    """Return the function of a text such as ``quadratic:condition=100``.

    >>> parse_landscape("quadratic:condition=100").curvature
    100.0

    Raises:
        NotFound: If there is no such function.
        ConfigError: If a setting is unknown or invalid.
    """
    name, *parts = text.split(":")
    if name not in LANDSCAPES:
        raise NotFound(
            f"There is no function {name!r}.{nearest(name, LANDSCAPES)} "
            f"Choose from: {', '.join(LANDSCAPES)}."
        )
    settings: dict[str, Any] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals or key in settings:
            raise ConfigError(
                f"{text}: {part!r} should be SETTING=NUMBER, each setting once, such as "
                f"quadratic:condition=100."
            )
        settings[key] = value
        with contextlib.suppress(ValueError):
            settings[key] = json.loads(value)
    return build(LANDSCAPES[name], settings, name)
