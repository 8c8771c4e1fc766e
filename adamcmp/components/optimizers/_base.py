"""The base of all optimizers, and the couplings of weight decay."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from adamcmp.components.parameter_groups import (
    GroupSettings,
    ParameterGroup,
    check_groups,
    check_label,
    group_of,
)
from adamcmp.components.registry import Component

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers

Coupling = Literal["none", "l2", "decoupled", "independent", "fixed", "corrected", "norm"]

#: The couplings that decay the weights separately from the rule, θ ← θ − c·θ, with coefficient c.
COUPLINGS: dict[str, Callable[[Hypers], Tensor]] = {
    # torch.optim.AdamW, optax.adamw: s_t·lr·wd
    "decoupled": lambda h: h["multiplier"] * h["lr"] * h["weight_decay"],
    # Loshchilov & Hutter 2019, Algorithms 1 and 2: s_t·wd
    "independent": lambda h: h["multiplier"] * h["weight_decay"],
    # Early forks of AdamW: wd, independent of the schedule
    "fixed": lambda h: h["weight_decay"],
    # AdamC, Defazio 2025 (arXiv 2506.02285): s_t²·lr·wd
    "corrected": lambda h: h["multiplier"].square() * h["lr"] * h["weight_decay"],
}


class Optimizer(Component):
    """An update rule with a coupling of weight decay.

    Attributes:
        name: Label in tables and plots: the name of the yaml file.
        rule: Name of the module that defines the rule, or the dotted path of a user's class.
        coupling: Coupling of the weight decay; see `Rule`.
        lr: Base learning rate.
        weight_decay: Weight decay coefficient wd.
        groups: Settings of parameter groups by their key: a role, or any name with a pattern.
    """

    name: str
    rule: str
    coupling: str
    lr: float = Field(ge=0)
    weight_decay: float = Field(default=0.0, ge=0)
    groups: dict[str, GroupSettings] = Field(default_factory=dict)

    neutral: ClassVar[Mapping[str, Any]] = {"groups": {}}
    excluded_from_identity: ClassVar[frozenset[str]] = frozenset({"name"})
    #: Whether lanes can be batched: pure functions can, a torch.optim class cannot.
    fuses: ClassVar[bool]
    #: Whether a step can be compiled, or recorded as a CUDA graph: Python reads no tensor.
    traceable: ClassVar[bool] = True
    #: Name of the hyperparameter that a schedule's momentum cycle sets; "" if there is none.
    momentum_hyper: ClassVar[str] = ""

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. Settings of groups at their defaults are left out."""
        identity = super().identity()
        changed = {
            label: settings
            for label, group in self.groups.items()
            if (settings := group.model_dump(mode="json", exclude_defaults=True))
        }
        if self.groups:
            del identity["groups"]
        return {**identity, **({"groups": changed} if changed else {})}

    def __hash__(self) -> int:  # a mapping, such as `groups`, has no hash
        return hash(self.canonical)

    @model_validator(mode="after")
    def _groups_have_parameters(self) -> Self:
        for label, settings in self.groups.items():
            check_label(label, settings)
        return self

    @property
    def decays(self) -> bool:
        """Whether any parameter has weight decay."""
        return any((self.weight_decay, *(group.weight_decay for group in self.groups.values())))

    def hypers(self, steps: int = 1) -> dict[str, float]:
        """Return the hyperparameters, which may differ between lanes of one group.

        Args:
            steps: Length of the run, which normalized weight decay depends on.
        """
        return {"lr": self.lr, "weight_decay": self.weight_decay}

    @abstractmethod
    def structure(self) -> tuple[Any, ...]:
        """Return the settings that lanes of one group share: all except hyperparameters."""

    def parameter_groups(self, roles: Mapping[str, str]) -> list[ParameterGroup]:
        """Return the parameter groups of a network; each parameter is in one.

        Args:
            roles: The role of each trained parameter by name; see `parameter_roles`.

        Raises:
            ConfigError: If one of `groups` has no parameters.
        """
        check_groups(roles, self.groups)
        members: dict[tuple[str, bool], list[str]] = {}
        for name, role in roles.items():
            group = self._group(name, role)
            members.setdefault(group, []).append(name)
        return [
            ParameterGroup(label, tuple(names), remaining)
            for (label, remaining), names in members.items()
        ]

    def _group(self, name: str, role: str) -> tuple[str, bool]:
        """Return a parameter's key in `groups`, and whether `remaining_rule` updates it."""
        return group_of(name, role, self.groups), False
