"""The base of all update rules, and the couplings of weight decay that they share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from adamcmp.components.registry import Component
from adamcmp.components.transformations import (
    DecayFilter,
    GradientTransformation,
    add_decayed_weights,
    add_l2_penalty,
    chain,
    clip_by_global_norm,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers

Fraction = Annotated[float, Field(ge=0, lt=1)]
Coupling = Literal["none", "l2", "decoupled", "independent", "fixed", "corrected"]

#: The couplings that decay the weights beside the step, θ ← θ − c·θ: what c is.
COUPLINGS: dict[str, Callable[[Hypers], Tensor]] = {
    # torch's AdamW, optax: η_t·wd
    "decoupled": lambda h: h["multiplier"] * h["lr"] * h["weight_decay"],
    # Loshchilov & Hutter 2019, Algorithms 1 and 2: s_t·wd
    "independent": lambda h: h["multiplier"] * h["weight_decay"],
    # early forks: wd, unscheduled
    "fixed": lambda h: h["weight_decay"],
    # AdamC, Defazio 2025 (arXiv 2506.02285): η_t²/η_max·wd
    "corrected": lambda h: h["multiplier"].square() * h["lr"] * h["weight_decay"],
}


class Optimizer(Component):
    """An update rule with a coupling of weight decay: a variant.

    Attributes:
        name: The variant's label in tables and plots.
        rule: The file in this room that holds the rule.
        coupling: How weight decay enters; see `Rule`.
        lr: Base learning rate.
        weight_decay: Coefficient wd.
    """

    name: str
    rule: str
    coupling: str
    lr: float = Field(ge=0)
    weight_decay: float = Field(default=0.0, ge=0)

    # A label changes no number.
    excluded_from_identity: ClassVar[frozenset[str]] = frozenset({"name"})
    #: Whether the rule is ours (pure, lane-wise) or a torch.optim class that needs a lane alone.
    fuses: ClassVar[bool]
    #: The hyperparameter that a schedule's momentum cycle moves; "" for none.
    momentum_hyper: ClassVar[str] = ""

    def hypers(self, steps: int = 1) -> dict[str, float]:
        """Return every number of the variant: what may differ from lane to lane.

        Args:
            steps: Length of the run, for decay that is normalized by it.
        """
        return {"lr": self.lr, "weight_decay": self.weight_decay}

    @abstractmethod
    def structure(self) -> tuple[Any, ...]:
        """Return what lanes of one group must share: all that is not a number."""


class Rule(Optimizer):
    """A rule of ours: a chain of transformations, in any coupling.

    With η_t = s_t·lr (s_t the schedule's multiplier in [0, 1]) the coupling says what decays:
    ``none``; ``l2``: g ← g + wd·θ before the rule; beside the rule's step θ ← θ − c·θ with c =
    η_t·wd (``decoupled``), s_t·wd (``independent``), wd (``fixed``), s_t·η_t·wd (``corrected``).

    Attributes:
        coupling: How weight decay enters, as above.
        normalized: Read `weight_decay` as wd_norm, wd = wd_norm·√(b/(B·T)) for batch size b, B
            training examples and T epochs of the whole run, restarts or not (Loshchilov & Hutter
            2019, appendix B.1).
        cautious: Decay only where the step's descent direction and the weight agree in sign (Chen
            et al. 2025); with ``l2``, which the paper does not treat, where the gradient does.
        decay_filter: What decays: ``all`` parameters, or all but biases and norms'
            (``no_bias_norm``: those of two or more dimensions).
    """

    coupling: Coupling
    normalized: bool = False
    cautious: bool = False
    decay_filter: DecayFilter = "all"

    fuses: ClassVar[bool] = True
    #: Whether each number's update depends on that number's own gradients alone (clipping aside).
    elementwise: ClassVar[bool] = True
    #: Names of the rule's own numbers among its fields; they may differ within a group.
    number_fields: ClassVar[frozenset[str]]

    @model_validator(mode="after")
    def _decay_needs_a_coupling(self) -> Rule:
        if self.coupling == "none" and self.weight_decay:
            raise ValueError(
                f"weight_decay={self.weight_decay:g} has no effect with coupling=none; "
                f"choose a variant that decays, such as adam_l2 or adamw, or wd=0"
            )
        return self

    @abstractmethod
    def transformations(self) -> tuple[GradientTransformation, ...]:
        """Return the rule itself: from gradients to the step −η_t·direction."""

    @abstractmethod
    def numbers(self) -> dict[str, float]:
        """Return the rule's own hyperparameters, by the names that its transformations read."""

    def hypers(self, steps: int = 1) -> dict[str, float]:
        """See `Optimizer.hypers`."""
        # wd = wd_norm·√(b/(B·T)), and B·T/b is the number of steps.
        decay = self.weight_decay / math.sqrt(steps) if self.normalized else self.weight_decay
        return {"lr": self.lr, "weight_decay": decay, **self.numbers()}

    def chain(self, *, clip: bool = False) -> GradientTransformation:
        """Return the whole optimizer as one transformation: clip, couple, rule, decay."""
        before, after = [], []
        if clip:
            before.append(clip_by_global_norm())
        if self.coupling == "l2":
            before.append(add_l2_penalty(self.decay_filter, self.cautious))
        elif self.coupling != "none":
            coefficient = COUPLINGS[self.coupling]
            after.append(add_decayed_weights(coefficient, self.decay_filter, self.cautious))
        return chain(*before, *self.transformations(), *after)

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`."""
        numbers = {"name", "lr", "weight_decay", *self.number_fields}
        fields = (field for field in type(self).model_fields if field not in numbers)
        return tuple((field, getattr(self, field)) for field in fields)
