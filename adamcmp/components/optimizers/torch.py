"""Optimizers that are torch.optim classes; their lanes are trained one at a time."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from adamcmp.components.optimizers._base import Optimizer
from adamcmp.components.user_class import construct, import_class, source_digest
from adamcmp.errors import ConfigError


class Torch(Optimizer):
    """Any class derived from torch.optim.Optimizer, by its dotted path.

    Further arguments of its constructor are set with ``+optimizer.<argument>=<value>``. The
    coupling of weight decay depends on the class and is recorded as ``native``. `weight_decay` is
    passed to the constructor only if it is not 0, since not every class accepts it.

    Attributes:
        target: Dotted path of the class, such as ``torch.optim.RAdam``.
    """

    model_config = ConfigDict(extra="allow")

    rule: Literal["torch"]
    coupling: Literal["native"]
    target: str = Field(description="the dotted path of a class, like torch.optim.RAdam")

    fuses: ClassVar[bool] = False
    has_digest: ClassVar[bool] = True
    momentum_hyper: ClassVar[str] = "momentum"

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. The source of a class in the user's code is part of it."""
        return {**super().identity(), **source_digest(self.target)}

    def arguments(self) -> dict[str, Any]:
        """Return the constructor's keyword arguments."""
        decay = {"weight_decay": self.weight_decay} if self.weight_decay else {}
        return {"lr": self.lr, **decay, **(self.model_extra or {})}

    def make(self, params: list[Any]) -> Any:
        """Return the torch optimizer of `params`.

        Raises:
            ConfigError: If the class cannot be imported, is not an optimizer, does not take
                these arguments, or needs a closure.
        """
        cls = import_class(self.target, "optimizer.target", "torch.optim.Optimizer")
        closure = inspect.signature(cls.step).parameters.get("closure")
        if closure is not None and closure.default is closure.empty:
            raise ConfigError(
                f"optimizer.target={self.target}: its step needs a closure that evaluates the "
                f"model again, which adamcmp does not provide."
            )
        return construct(cls, self.arguments(), "optimizer", params)

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`; includes every setting, since lanes are never batched."""
        return (self.model_dump_json(),)
