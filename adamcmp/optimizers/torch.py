"""The user's own torch.optim class, trained one lane at a time."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from adamcmp.optimizers._base import Optimizer
from adamcmp.parts import check_arguments, import_class


class Torch(Optimizer):
    """Any class derived from torch.optim.Optimizer, by its dotted path.

    Further arguments of its constructor are given as ``+optimizer.<argument>=<value>``. Its
    weight decay is whatever the class makes of it, so the coupling is recorded as ``native``.
    `weight_decay` is passed on only when it is not 0 (not every class takes it).

    Attributes:
        target: Dotted path of the class, e.g. ``torch.optim.RAdam``.
    """

    model_config = ConfigDict(extra="allow")

    rule: Literal["torch"]
    coupling: Literal["native"]
    target: str = Field(description="the dotted path of a class, like torch.optim.RAdam")

    fuses: ClassVar[bool] = False

    def arguments(self) -> dict[str, Any]:
        """Return the constructor's keyword arguments."""
        decay = {"weight_decay": self.weight_decay} if self.weight_decay else {}
        return {"lr": self.lr, **decay, **(self.model_extra or {})}

    def make(self, params: list[Any]) -> Any:
        """Return the torch optimizer over `params`.

        Raises:
            ConfigError: When the class cannot be imported, is no optimizer, or does not take
                these arguments.
        """
        cls = import_class(self.target, "optimizer.target", "torch.optim.Optimizer")
        check_arguments(cls, self.arguments(), "optimizer")
        return cls(params, **self.arguments())

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`: lanes of a torch optimizer are never fused."""
        return (self.model_dump_json(),)
