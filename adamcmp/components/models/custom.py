"""Models defined in users' code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import ConfigDict, Field

from adamcmp.components.data import Shape
from adamcmp.components.models._base import Model
from adamcmp.components.user_class import construct, error_reason, import_class, source_digest
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from torch import nn


class Custom(Model):
    """A class of the user's code, by its dotted path. The working directory is searched too.

    If its constructor has arguments ``inputs`` and ``outputs``, it receives the shape of an example
    and the number of classes or targets. Further arguments are set with
    ``+model.<argument>=<value>``. Lazy modules are initialized with a batch of zeros. Lanes are
    trained one at a time.

    Attributes:
        target: Dotted path of the class.
    """

    model_config = ConfigDict(extra="allow")

    target: str = Field(description="the dotted path of your class, like mynets.Net")

    fuses: ClassVar[tuple[str, ...]] = ()
    traceable: ClassVar[bool] = False
    has_digest: ClassVar[bool] = True
    #: 1: initial weights from NumPy and `random` are seeded; assigned buffers are kept; parameters
    #: without gradient are not updated.
    revision: ClassVar[int] = 1
    affected_if: ClassVar[str] = (
        "the network draws from NumPy's or Python's generator, assigns new tensors to its buffers, "
        "or has parameters without gradient"
    )

    @classmethod
    def revision_of(cls, settings: Mapping[str, Any]) -> int | None:
        """See `Component.revision_of`."""
        return None

    def imported_code(self) -> dict[str, str]:
        """See `Component.imported_code`."""
        return {"target": self.target}

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
        try:
            network: nn.Module = construct(cls, arguments, "model")
        except ConfigError as error:
            if isinstance(error.__cause__, TypeError) and arguments.get("inputs") == shape.inputs:
                raise ConfigError(
                    f"{error} `inputs` is the shape of an example, {shape.inputs}; "
                    f"math.prod(inputs) is its number of values."
                ) from error.__cause__
            raise
        from torch.nn.parameter import is_lazy

        if any(map(is_lazy, (*network.parameters(), *network.buffers()))):
            _initialize(network, shape)
        return network


def _initialize(network: nn.Module, shape: Shape) -> None:
    """Initialize lazy modules, whose shapes the first batch determines.

    In evaluation mode, the batch changes no running statistics.
    """
    import torch

    network.eval()
    try:
        with torch.no_grad():
            network(torch.zeros(2, *shape.inputs))
    except Exception as error:
        raise ConfigError(
            f"model=custom: its lazy modules cannot be initialized with examples of shape "
            f"{shape.inputs} ({error_reason(error)})."
        ) from error
    network.train()
