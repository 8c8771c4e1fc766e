"""Models defined in users' code."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, Field

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Model
from adamcmp.components.user_class import construct, import_class, source_digest

if TYPE_CHECKING:
    from torch import nn


class Custom(Model):
    """A class of the user's code, by its dotted path. The working directory is searched too.

    If its constructor has arguments ``inputs`` and ``outputs``, it receives the shape of an example
    and the number of classes or targets. Further arguments are set with
    ``+model.<argument>=<value>``. Lanes are trained one at a time.

    Attributes:
        target: Dotted path of the class.
    """

    model_config = ConfigDict(extra="allow")

    target: str = Field(description="the dotted path of your class, like mynets.Net")

    fuses: ClassVar[tuple[str, ...]] = ()
    has_digest: ClassVar[bool] = True

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. The source of a class in the user's code is part of it."""
        return {**super().identity(), **source_digest(self.target)}

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        cls = import_class(self.target, "model.target", "torch.nn.Module")
        available: dict[str, Any] = {"inputs": shape.inputs, "outputs": shape.outputs}
        parameters = inspect.signature(cls).parameters
        arguments = {name: value for name, value in available.items() if name in parameters}
        arguments |= self.model_extra or {}
        network: nn.Module = construct(cls, arguments, "model")
        return network
