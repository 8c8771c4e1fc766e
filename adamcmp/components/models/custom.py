"""A torch.nn.Module of the user's own."""

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
    """The user's own class, by its dotted path; the working directory is searched too.

    Its constructor is given ``inputs`` (the shape of an example) and ``outputs`` (the number of
    classes or targets) where it takes arguments of these names; further arguments are given as
    ``+model.<argument>=<value>``. Runs are trained one lane at a time.

    Attributes:
        target: Dotted path of the class.
    """

    model_config = ConfigDict(extra="allow")

    target: str = Field(description="the dotted path of your class, like mynets.Net")

    fuses: ClassVar[tuple[str, ...]] = ()

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`; a changed source of the user's class changes it."""
        return {**super().identity(), **source_digest(self.target)}

    def build(self, shape: Shape) -> nn.Module:
        """See `Model.build`."""
        cls = import_class(self.target, "model.target", "torch.nn.Module")
        offered: dict[str, Any] = {"inputs": shape.inputs, "outputs": shape.outputs}
        taken = inspect.signature(cls).parameters
        arguments = {name: value for name, value in offered.items() if name in taken}
        arguments |= self.model_extra or {}
        network: nn.Module = construct(cls, arguments, "model")
        return network
