"""Optimizers that are torch.optim classes; their lanes are trained one at a time."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from adamcmp.components.optimizers._base import Optimizer
from adamcmp.components.user_class import construct, import_class, source_digest
from adamcmp.errors import ConfigError

#: The classes of torch.optim whose default weight decay is not 0.
DECAYING_BY_DEFAULT = frozenset({"AdamW", "Muon"})


class Torch(Optimizer):
    """Any class derived from torch.optim.Optimizer, by its dotted path.

    Further arguments of its constructor are set with ``+optimizer.<argument>=<value>``. The
    coupling of weight decay depends on the class and is recorded as ``native``. A `weight_decay`
    of 0 is passed to each constructor that takes it, since 0 is not every class's default.

    The gradients are computed before each step. A class with modes, ``train()`` and ``eval()``, is
    evaluated at the weights of its mode for evaluation.

    Attributes:
        target: Dotted path of the class, such as ``torch.optim.RAdam``.
        closure: Whether the step gets a closure that evaluates the loss and its gradients again, on
            the same batch with the same random numbers. A step that requires one always gets it.
        create_graph: Whether gradients have a graph, as after ``loss.backward(create_graph=True)``,
            for classes that differentiate them, such as AdaHessian.
    """

    model_config = ConfigDict(extra="allow")

    rule: Literal["torch"]
    coupling: Literal["native"]
    target: str = Field(description="the dotted path of a class, like torch.optim.RAdam")
    closure: bool = False
    create_graph: bool = False

    neutral: ClassVar[Mapping[str, Any]] = {
        **Optimizer.neutral,
        "closure": False,
        "create_graph": False,
    }
    fuses: ClassVar[bool] = False
    has_digest: ClassVar[bool] = True
    momentum_hyper: ClassVar[str] = "momentum"
    #: 1: weight_decay=0 is passed to the constructor.
    revision: ClassVar[int] = 1
    affected_if: ClassVar[str] = "the default weight decay of the optimizer's class is not 0"

    @classmethod
    def revision_of(cls, settings: Mapping[str, Any]) -> int | None:
        """See `Component.revision_of`."""
        if settings.get("weight_decay"):
            return 0
        module, _, name = str(settings.get("target")).rpartition(".")
        if module.split(".")[:2] == ["torch", "optim"]:
            return cls.revision if name in DECAYING_BY_DEFAULT else 0
        return None

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. The source of a class in the user's code is part of it."""
        return {**super().identity(), **source_digest(self.target)}

    @property
    def takes_weight_decay(self) -> bool:
        """Whether the constructor of the class takes a weight decay."""
        cls = import_class(self.target, "optimizer.target", "torch.optim.Optimizer")
        return _takes(cls, "weight_decay")

    def arguments(self, cls: type[Any]) -> dict[str, Any]:
        """Return the keyword arguments for the constructor of a class."""
        passed = self.weight_decay or _takes(cls, "weight_decay")
        decay = {"weight_decay": self.weight_decay} if passed else {}
        return {"lr": self.lr, **decay, **(self.model_extra or {})}

    def make(self, params: list[Any]) -> Any:
        """Return the torch optimizer of `params`.

        Raises:
            ConfigError: If the class cannot be imported, is not an optimizer, does not take
                these arguments, or decays weights without an argument weight_decay.
        """
        cls = import_class(self.target, "optimizer.target", "torch.optim.Optimizer")
        parameters = inspect.signature(cls).parameters.values()
        takes_decay = any(p.name == "weight_decay" or p.kind is p.VAR_KEYWORD for p in parameters)
        if self.weight_decay and not takes_decay:
            raise ConfigError(
                f"wd={self.weight_decay:g}: the constructor of optimizer.target={self.target} "
                f"takes no argument weight_decay. Set wd=0, or add the argument."
            )
        optimizer = construct(cls, self.arguments(cls), "optimizer", params)
        self._check_decay(optimizer)
        return optimizer

    def _check_decay(self, optimizer: Any) -> None:
        """Check that no weight decay of a class differs from the recorded 0 under another name."""
        if _takes(type(optimizer), "weight_decay"):
            return
        for name in ("weight_decay", "wd"):
            if value := optimizer.defaults.get(name):
                raise ConfigError(
                    f"optimizer.target={self.target} decays weights with {name}={value}, but its "
                    f"constructor takes no argument weight_decay, so that the run would record 0. "
                    f"Call the argument weight_decay."
                )

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`; includes every setting, since lanes are never batched."""
        return (self.model_dump_json(),)


def requires_closure(cls: type[Any]) -> bool:
    """Return whether the step of a class requires a closure that evaluates the model again."""
    parameters = list(inspect.signature(cls.step).parameters.values())[1:]  # without self
    positional = (p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
    return any(p.default is p.empty for p in positional)


def has_modes(cls: type[Any]) -> bool:
    """Return whether a class has other weights for evaluation, with ``train()`` and ``eval()``."""
    return all(callable(getattr(cls, mode, None)) for mode in ("train", "eval"))


def _takes(cls: type[Any], argument: str) -> bool:
    """Return whether the constructor of a class takes an argument.

    A constructor with ``**kwargs`` is assumed to pass them to that of the next base class.
    """
    for base in inspect.getmro(cls):
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters  # type: ignore[misc]
        if argument in parameters:
            return True
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values()):
            return False
    return False
