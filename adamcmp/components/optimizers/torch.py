"""Optimizers that are torch.optim classes; their lanes are trained one at a time."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from adamcmp.components.optimizers._base import Optimizer
from adamcmp.components.parameter_groups import GroupSettings
from adamcmp.components.user_class import construct, import_class, source_digest
from adamcmp.errors import ConfigError, nearest

#: The classes of torch.optim whose default weight decay is not 0.
DECAYING_BY_DEFAULT = frozenset({"AdamW", "Muon"})


class TorchGroupSettings(GroupSettings):
    """The settings of a parameter group of a torch.optim class.

    Further settings are those of the group's class: arguments of its constructor, or entries of a
    parameter group if the group has no class of its own.

    Attributes:
        target: Dotted path of the class that trains the group; None: that of the optimizer.
    """

    model_config = ConfigDict(extra="allow")

    target: str | None = None

    @property
    def class_settings(self) -> dict[str, Any]:
        """The settings of the group's class."""
        return self.model_extra or {}


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
        groups: Settings of parameter groups by their key. A group may have a class of its own, and
            settings of its class.
    """

    model_config = ConfigDict(extra="allow")

    rule: Literal["torch"]
    coupling: Literal["native"]
    target: str = Field(description="the dotted path of a class, like torch.optim.RAdam")
    closure: bool = False
    create_graph: bool = False
    groups: dict[str, TorchGroupSettings] = Field(default_factory=dict)  # type: ignore[assignment]

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

    def imported_code(self) -> dict[str, str]:
        """See `Component.imported_code`. The classes of torch are no users' code."""
        groups = {f"groups.{label}.target": group.target for label, group in self.groups.items()}
        targets = {"target": self.target, **groups}
        return {
            name: target
            for name, target in targets.items()
            if target is not None and not target.startswith("torch.optim.")
        }

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. The sources of classes in the user's code are part of it."""
        identity = {**super().identity(), **source_digest(self.target)}
        for label, settings in self.groups.items():
            if settings.target is not None:
                identity["groups"][label] |= source_digest(settings.target)
        return identity

    @property
    def takes_weight_decay(self) -> bool:
        """Whether the constructor of the class takes a weight decay."""
        cls = import_class(self.target, "optimizer.target", "torch.optim.Optimizer")
        return _takes(cls, "weight_decay")

    def make(self, members: Mapping[str, Sequence[Any]]) -> list[Any]:
        """Return the torch optimizers of a network: one for each class.

        Args:
            members: The parameters of each parameter group, by its key in `groups`; "" for those
                in no group.

        Raises:
            ConfigError: If a class cannot be imported, is not an optimizer, does not take these
                arguments, or decays weights without an argument weight_decay.
        """
        for label, settings in self.groups.items():
            if settings.target is None:
                self._check_settings(label, settings)
        shared, separate = [], []
        for label, params in members.items():
            settings = self.groups.get(label, TorchGroupSettings())
            if settings.target is None:
                shared.append(
                    {"params": list(params), **self._numbers(settings), **settings.class_settings}
                )
            else:
                separate.append(self._make_separate(label, settings, settings.target, params))
        return [self._make_shared(shared), *separate] if shared else separate

    def _make_separate(
        self, label: str, settings: TorchGroupSettings, target: str, params: Sequence[Any]
    ) -> Any:
        """Return the torch optimizer of a group with a class of its own."""
        arguments = {**self._numbers(settings), **settings.class_settings}
        group = {"params": list(params), "lr_scale": arguments.pop("lr_scale")}
        return _construct(target, f"optimizer.groups.{label}", [group], arguments)

    def _make_shared(self, groups: list[dict[str, Any]]) -> Any:
        """Return the torch optimizer of all other groups."""
        params: list[Any] = groups if self.groups else groups[0]["params"]
        arguments = {**self._numbers(TorchGroupSettings()), **(self.model_extra or {})}
        del arguments["lr_scale"]
        return _construct(self.target, "optimizer", params, arguments)

    def _numbers(self, settings: TorchGroupSettings) -> dict[str, float]:
        """Return the numbers of a parameter group."""
        decay = self.weight_decay if settings.weight_decay is None else settings.weight_decay
        scale = settings.lr_scale
        return {"lr": self.lr * scale, "weight_decay": decay, "lr_scale": scale}

    def _check_settings(self, label: str, settings: TorchGroupSettings) -> None:
        """Check that the class has the settings of a group without a class of its own."""
        cls = import_class(self.target, "optimizer.target", "torch.optim.Optimizer")
        parameters = list(inspect.signature(cls).parameters.values())[1:]  # without params
        if any(p.kind is p.VAR_KEYWORD for p in parameters):
            return
        known = [p.name for p in parameters]
        names = [*settings.class_settings, *["weight_decay"] * bool(settings.weight_decay)]
        for name in names:
            if name not in known:
                suggestion = nearest(name, [*known, *TorchGroupSettings.model_fields])
                raise ConfigError(
                    f"optimizer.groups.{label}.{name}: {cls.__name__} has no such setting."
                    f"{suggestion} It has: {', '.join(known)}."
                )

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`; includes every setting, since lanes are never batched."""
        return (self.model_dump_json(),)


def _construct(target: str, key: str, params: list[Any], arguments: dict[str, Any]) -> Any:
    """Return a torch optimizer.

    Args:
        target: Dotted path of the class.
        key: The settings that hold the path and the arguments, for the error message.
        params: Parameters or parameter groups.
        arguments: Keyword arguments of the constructor. A `weight_decay` of 0 is passed if the
            constructor takes it.

    Raises:
        ConfigError: See `Torch.make`.
    """
    cls = import_class(target, f"{key}.target", "torch.optim.Optimizer")
    decay = arguments["weight_decay"]
    parameters = inspect.signature(cls).parameters.values()
    takes_decay = any(p.name == "weight_decay" or p.kind is p.VAR_KEYWORD for p in parameters)
    if decay and not takes_decay:
        setting = "wd" if key == "optimizer" else f"{key}.weight_decay"
        raise ConfigError(
            f"wd={decay:g}: the constructor of {key}.target={target} takes no argument "
            f"weight_decay. Set {setting}=0, or add the argument."
        )
    if not decay and not _takes(cls, "weight_decay"):
        del arguments["weight_decay"]
    optimizer = construct(cls, arguments, key, params)
    _check_decay(optimizer, f"{key}.target={target}")
    return optimizer


def _check_decay(optimizer: Any, target: str) -> None:
    """Check that no weight decay of a class differs from the recorded 0 under another name."""
    if _takes(type(optimizer), "weight_decay"):
        return
    for name in ("weight_decay", "wd"):
        if value := optimizer.defaults.get(name):
            raise ConfigError(
                f"{target} decays weights with {name}={value}, but its constructor takes no "
                f"argument weight_decay, so that the run would record 0. Call the argument "
                f"weight_decay."
            )


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
