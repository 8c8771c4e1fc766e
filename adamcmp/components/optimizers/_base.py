"""The base of all optimizers, and the couplings of weight decay that update rules share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
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

#: A decay rate of a running average, such as β1 or momentum.
DecayRate = Annotated[float, Field(ge=0, lt=1)]
Coupling = Literal["none", "l2", "decoupled", "independent", "fixed", "corrected"]

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
        rule: Name of the module that defines the rule.
        coupling: Coupling of the weight decay; see `Rule`.
        lr: Base learning rate.
        weight_decay: Weight decay coefficient wd.
    """

    name: str
    rule: str
    coupling: str
    lr: float = Field(ge=0)
    weight_decay: float = Field(default=0.0, ge=0)

    excluded_from_identity: ClassVar[frozenset[str]] = frozenset({"name"})
    #: Whether lanes can be batched: pure functions can, a torch.optim class cannot.
    fuses: ClassVar[bool]
    #: Name of the hyperparameter that a schedule's momentum cycle sets; "" if there is none.
    momentum_hyper: ClassVar[str] = ""

    def hypers(self, steps: int = 1) -> dict[str, float]:
        """Return the hyperparameters, which may differ between lanes of one group.

        Args:
            steps: Length of the run, which normalized weight decay depends on.
        """
        return {"lr": self.lr, "weight_decay": self.weight_decay}

    @abstractmethod
    def structure(self) -> tuple[Any, ...]:
        """Return the settings that lanes of one group share: all except hyperparameters."""


class Rule(Optimizer):
    """An optimizer that is a chain of gradient transformations, with any coupling.

    With the schedule's multiplier s_t in [0, 1], the coupling defines the decay: ``none``; ``l2``:
    g ← g + wd·θ before the rule; the others: θ ← θ − c·θ in addition to the rule's step, with
    c = s_t·lr·wd (``decoupled``), s_t·wd (``independent``), wd (``fixed``) or s_t²·lr·wd
    (``corrected``).

    Attributes:
        coupling: Coupling of the weight decay, as above.
        normalized: Read `weight_decay` as wd_norm: wd = wd_norm·√(b/(B·T)) for batch size b, B
            training examples and T epochs of the whole run, also with restarts (Loshchilov &
            Hutter 2019, appendix B.1).
        cautious: Decay only where the step's descent direction and the weight agree in sign (Chen
            et al. 2025, arXiv 2510.12402). With ``l2``, which the paper does not treat, decay only
            where the gradient and the weight agree in sign.
        decay_filter: Which parameters decay: ``all``, or ``no_bias_norm``: those of two or more
            dimensions, which excludes biases and the parameters of normalization layers.
    """

    coupling: Coupling
    normalized: bool = False
    cautious: bool = False
    decay_filter: DecayFilter = "all"

    fuses: ClassVar[bool] = True
    #: Whether the update of each scalar depends only on the gradients of that scalar (apart from
    #: clipping), so that parameters may be concatenated.
    elementwise: ClassVar[bool] = True
    #: Fields that hold the rule's hyperparameters; they may differ within a group of lanes.
    number_fields: ClassVar[frozenset[str]]
    #: Couplings that do not apply to the rule, with the reason and what to use instead.
    refused_couplings: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="after")
    def _coupling_applies(self) -> Rule:
        if self.coupling in self.refused_couplings:
            raise ValueError(
                f"coupling={self.coupling} does not apply to rule={self.rule}: "
                f"{self.refused_couplings[self.coupling]}"
            )
        return self

    @model_validator(mode="after")
    def _decay_needs_a_coupling(self) -> Rule:
        if self.coupling == "none" and self.weight_decay:
            raise ValueError(
                f"weight_decay={self.weight_decay:g} has no effect with coupling=none; "
                f"choose an optimizer with weight decay, such as adam_l2 or adamw, or wd=0"
            )
        return self

    @abstractmethod
    def transformations(self) -> tuple[GradientTransformation, ...]:
        """Return the rule without coupling: transformations from gradients to the step."""

    def with_decay(self, decay: GradientTransformation) -> tuple[GradientTransformation, ...]:
        """Return the rule with a decay of the weights that is separate from the gradient.

        By default the decay comes after the rule's step. A rule overrides this if further
        transformations act on the step and the decay together, such as LAMB's trust ratio.

        Args:
            decay: Subtracts c·θ from the step; see `add_decayed_weights`.
        """
        return (*self.transformations(), decay)

    @abstractmethod
    def numbers(self) -> dict[str, float]:
        """Return the rule's hyperparameters, by the names that its transformations read."""

    def hypers(self, steps: int = 1) -> dict[str, float]:
        """See `Optimizer.hypers`."""
        # B·T/b is the number of steps.
        decay = self.weight_decay / math.sqrt(steps) if self.normalized else self.weight_decay
        return {"lr": self.lr, "weight_decay": decay, **self.numbers()}

    def chain(self, *, clip: bool = False) -> GradientTransformation:
        """Return the whole optimizer as one transformation: clipping, L2, rule, decay.

        Args:
            clip: Whether gradients are clipped to the norm ``hypers["grad_clip"]``.
        """
        before = []
        rule = self.transformations()
        if clip:
            before.append(clip_by_global_norm())
        if self.coupling == "l2":
            before.append(add_l2_penalty(self.decay_filter, self.cautious))
        elif self.coupling != "none":
            coefficient = COUPLINGS[self.coupling]
            decay = add_decayed_weights(coefficient, self.decay_filter, self.cautious)
            rule = self.with_decay(decay)
        return chain(*before, *rule)

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`."""
        hypers = {"name", "lr", "weight_decay", *self.number_fields}
        fields = (field for field in type(self).model_fields if field not in hypers)
        return tuple((field, getattr(self, field)) for field in fields)
