"""One row of the conformance table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer as TorchOptimizer

from adamcmp.components.optimizers import Rule
from adamcmp.config import CONFIG_GROUPS
from tests.components.conformance.problem import (
    COEFFICIENTS,
    ROLES,
    SHAPES,
    STEPS,
    AfterStep,
    Problem,
    Tree,
    relative_difference,
    trained_by_oracle,
    trained_by_rule,
)

#: Where the classes of a package are, if not in its top level.
PACKAGES = {"torch": "torch.optim"}
#: Of the weights after 200 steps in float64.
TOLERANCE = 1e-12
WD = 0.05


@dataclass(frozen=True)
class Case:
    """A rule with a coupling and settings, and the implementation that it is compared with.

    Attributes:
        rule: The rule.
        coupling: The coupling; with ``none`` there is no decay.
        settings: The rule's settings that differ from the defaults.
        oracle: Name of the implementation.
        expected: Trains with the implementation.
        lr: Base learning rate.
        tolerance: Largest relative difference.
        names: The parameters of the problem.
    """

    rule: str
    coupling: str
    settings: Mapping[str, Any]
    oracle: str
    expected: Callable[[Problem], Tree]
    lr: float
    tolerance: float = TOLERANCE
    names: tuple[str, ...] = tuple(SHAPES)

    @property
    def settings_text(self) -> str:
        """The settings as text."""
        return ", ".join(f"{name}={_text(value)}" for name, value in self.settings.items())

    @property
    def label(self) -> str:
        """Identifies the case in a test's name."""
        return " ".join(filter(None, (self.rule, self.coupling, self.settings_text, self.oracle)))

    @property
    def has_usual_tolerance(self) -> bool:
        """Whether the tolerance is that of most cases."""
        return self.tolerance == TOLERANCE

    def difference(self, steps: int = STEPS) -> float:
        """Return the largest relative difference of the weights of any parameter after some steps."""
        problem = Problem(self.names, steps)
        settings = {"rule": self.rule, "coupling": self.coupling, "lr": self.lr, **self.settings}
        if self.coupling not in ("none", "norm"):
            settings["weight_decay"] = WD
        return relative_difference(trained_by_rule(settings, problem), self.expected(problem))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return value if isinstance(value, str) else f"{value:g}"


@dataclass(frozen=True)
class Oracle:
    """A torch optimizer class that is an oracle of a rule.

    Attributes:
        rule: The rule.
        create: The class.
        arguments: The arguments of the class.
        settings: The rule's settings that compute the same.
        couplings: By coupling, further arguments with which the class has it, with wd = `WD`.
        lr: Base learning rate.
        without_decay: Whether there is a case without decay.
        adds_couplings: Whether there are cases of the other couplings, which are added to the class.
        tolerance: See `Case`.
        names: See `Case`.
    """

    rule: str
    create: Callable[..., TorchOptimizer]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    couplings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    lr: float = 0.01
    without_decay: bool = True
    adds_couplings: bool = False
    tolerance: float = TOLERANCE
    names: tuple[str, ...] = tuple(SHAPES)

    @property
    def name(self) -> str:
        """The name of the class in the table; what was changed is in the class's docstring."""
        package = self.create.__module__.partition(".")[0]
        if package != "tests":
            return f"{PACKAGES.get(package, package)}.{self.create.__name__}"
        return (self.create.__doc__ or "").strip().removesuffix(".")

    def cases(self) -> Iterator[Case]:
        """Yield a case without decay, those of the class, and those of other couplings."""
        if self.without_decay:
            yield self._case("none", self.name, {})
        for coupling, arguments in self.couplings.items():
            yield self._case(coupling, self.name, arguments)
        if not self.adds_couplings:
            return
        component = CONFIG_GROUPS["optimizer"].component(self.rule)
        assert issubclass(component, Rule)
        for coupling in ("l2", *COEFFICIENTS, "norm"):
            if coupling not in component.refused_couplings and coupling not in self.couplings:
                yield self._added(coupling)

    def _added(self, coupling: str) -> Case:
        """Return the case of a coupling that is added to the class."""
        if coupling == "l2":
            return self._case(coupling, f"{self.name}; g + wd·θ", {}, penalized=self._penalized)
        if coupling == "norm":
            constrain = constrained_norms(self.lr)
            return self._case(coupling, f"{self.name}; R·N(θ + η·R·N(u))", {}, after_step=constrain)

        def decay(multiplier: float, before: Tree, params: Tree) -> None:
            c = COEFFICIENTS[coupling](multiplier, self.lr, self._wd)
            for name, p in params.items():
                p.sub_(c * self._decaying(before[name], before[name] - p))

        return self._case(coupling, f"{self.name}; θ − c·θ", {}, after_step=decay)

    def _penalized(self, p: Tensor, gradient: Tensor) -> Tensor:
        return gradient + self._wd * self._decaying(p, gradient)

    @property
    def _wd(self) -> float:
        # The number of steps is B·T/b.
        return WD / STEPS**0.5 if self.settings.get("normalized") else WD

    def _decaying(self, p: Tensor, direction: Tensor) -> Tensor:
        """Return the weights that decay, others as 0."""
        if self.settings.get("decay_filter") == "no_bias_norm" and p.ndim < 2:
            return torch.zeros_like(p)
        return p * (direction * p >= 0) if self.settings.get("cautious") else p

    def _case(self, coupling: str, oracle: str, arguments: Mapping[str, Any], **decay: Any) -> Case:
        def expected(problem: Problem) -> Tree:
            def create(params: Any) -> TorchOptimizer:
                return self.create(params, lr=self.lr, **{**self.arguments, **arguments})

            return trained_by_oracle(create, problem, self.lr, **decay)

        return Case(
            self.rule,
            coupling,
            self.settings,
            oracle,
            expected,
            self.lr,
            self.tolerance,
            self.names,
        )


def same(**settings: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings that have the same names in a class and in adamcmp, for both."""
    return settings, {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}


def constrained_norms(lr: float) -> AfterStep:
    """Return the coupling ``norm``: matrices keep their norm R, and θ ← R·N(θ + s·lr·R·N(u))."""
    radii: dict[str, Tensor] = {}

    def after_step(multiplier: float, before: Tree, params: Tree) -> None:
        for name, p in params.items():
            radius = radii.setdefault(name, before[name].norm())
            u = p - before[name]
            if ROLES[name] == "matrices" and u.any():
                moved = before[name] + multiplier * lr * radius * u / u.norm()
                p.copy_(radius * moved / moved.norm())

    return after_step
