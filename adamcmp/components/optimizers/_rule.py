"""The base of update rules, which have any coupling of weight decay."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic.fields import FieldInfo

from adamcmp.components.optimizers._base import COUPLINGS, Coupling, Optimizer
from adamcmp.components.parameter_groups import GroupSettings, ParameterGroup, group_of
from adamcmp.components.transformations import (
    GradientTransformation,
    add_decayed_weights,
    add_l2_penalty,
    chain,
    clip_by_global_norm,
    identity,
)
from adamcmp.components.user_class import source_digest
from adamcmp.components.wrappers import cautious_updates, constrain_norms, lookahead
from adamcmp.errors import ConfigError

if TYPE_CHECKING:
    from adamcmp.components.transformations import Hypers

#: A decay rate of a running average, such as β1 or momentum.
DecayRate = Annotated[float, Field(ge=0, lt=1)]
#: Parameters of fewer than two dimensions, which ``decay_filter=no_bias_norm`` excludes from decay.
_BIASES_NORMS = "biases_norms"


class Rule(Optimizer):
    """An optimizer that is a chain of gradient transformations, with any coupling.

    With the schedule's multiplier s_t in [0, 1], the coupling defines the decay: ``none``; ``l2``:
    g ← g + wd·θ before the rule; ``norm``: hidden matrices keep their initial norm (see
    `constrain_norms`), other parameters do not decay; the others: θ ← θ − c·θ in addition to the
    rule's step, with c = s_t·lr·wd (``decoupled``), s_t·wd (``independent``), wd (``fixed``) or
    s_t²·lr·wd (``corrected``).

    Attributes:
        coupling: Coupling of the weight decay, as above.
        normalized: Read `weight_decay` as wd_norm: wd = wd_norm·√(b/(B·T)) for batch size b, B
            training examples and T epochs of the whole run, also with restarts (Loshchilov &
            Hutter 2019, appendix B.1).
        cautious: Decay only where the step's descent direction and the weight agree in sign (Chen
            et al. 2025, arXiv 2510.12402). With ``l2``, which the paper does not treat, decay only
            where the gradient and the weight agree in sign.
        decay_filter: Which parameters decay: ``all``, or ``no_bias_norm``: those of two or more
            dimensions, which excludes biases and the parameters of normalization layers. The latter
            is short for ``groups.biases_norms.weight_decay=0``.
        cautious_updates: Apply only the components of the rule's update that descend along the
            gradient; see `adamcmp.components.wrappers.cautious_updates`.
        sam_rho: Radius ρ of sharpness-aware minimization, which evaluates a second gradient in each
            step; 0: none. See `adamcmp.components.wrappers.sam_ascent`.
        sam_adaptive: Whether SAM's ascent step is scaled by the size of the weights (ASAM).
        lookahead_steps: Steps k between two moves of Lookahead's slow weights; 0: no Lookahead. See
            `adamcmp.components.wrappers.lookahead`.
        lookahead_alpha: Lookahead's step size α of the slow weights.
    """

    coupling: Coupling
    normalized: bool = False
    cautious: bool = False
    decay_filter: Literal["all", "no_bias_norm"] = "all"
    cautious_updates: bool = False
    sam_rho: float = Field(default=0.0, ge=0)
    sam_adaptive: bool = False
    lookahead_steps: int = Field(default=0, ge=0)
    lookahead_alpha: float = Field(default=0.5, gt=0, le=1)

    neutral: ClassVar[Mapping[str, Any]] = {
        **Optimizer.neutral,
        **{"cautious_updates": False, "sam_rho": 0.0, "sam_adaptive": False},
        **{"lookahead_steps": 0, "lookahead_alpha": 0.5},
    }
    fuses: ClassVar[bool] = True
    #: Whether the rule's update of each scalar depends only on the gradients of that scalar.
    elementwise: ClassVar[bool] = True
    #: Whether the rule is elementwise except for numbers of each parameter that depend on its
    #: number of steps only.
    elementwise_at_equal_steps: ClassVar[bool] = False
    #: Whether parameters without a gradient count the step too, since the parameters of a group
    #: share numbers that each step changes; otherwise each parameter counts its own steps.
    shares_steps: ClassVar[bool] = False
    #: Fields that hold the rule's hyperparameters; they may differ within a group of lanes.
    number_fields: ClassVar[frozenset[str]]
    #: Where the defaults of lr and of the rule's settings are from.
    defaults_from: ClassVar[str] = ""
    #: Couplings that do not apply to the rule, with the reason and what to use instead.
    refused_couplings: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="after")
    def _coupling_applies(self) -> Self:
        if self.coupling in self.refused_couplings:
            raise ValueError(
                f"coupling={self.coupling} does not apply to rule={self.rule}: "
                f"{self.refused_couplings[self.coupling]}"
            )
        return self

    @model_validator(mode="after")
    def _wrappers_apply(self) -> Self:
        if self.cautious_updates and type(self).with_decay is not Rule.with_decay:
            raise ValueError(
                f"cautious_updates=true does not apply to rule={self.rule}, whose update and decay "
                f"are scaled together"
            )
        if self.lookahead_steps and type(self).averaged is not Rule.averaged:
            raise ValueError(
                f"lookahead_steps={self.lookahead_steps} does not apply to rule={self.rule}, whose "
                f"evaluations already measure an average of the weights"
            )
        return self

    @model_validator(mode="after")
    def _settings_of_wrappers_have_an_effect(self) -> Self:
        if self.sam_adaptive and not self.sam_rho:
            raise ValueError(
                "sam_adaptive=true has no effect with sam_rho=0: set sam_rho, such as sam_rho=0.5"
            )
        if self.lookahead_alpha != Rule.neutral["lookahead_alpha"] and not self.lookahead_steps:
            raise ValueError(
                f"lookahead_alpha={self.lookahead_alpha:g} has no effect with lookahead_steps=0: "
                f"set lookahead_steps, such as lookahead_steps=5"
            )
        return self

    @model_validator(mode="after")
    def _decay_needs_a_coupling(self) -> Self:
        decays = {"weight_decay": self.weight_decay}
        decays |= {f"groups.{k}.weight_decay": g.weight_decay or 0 for k, g in self.groups.items()}
        name, decay = next(((n, d) for n, d in decays.items() if d), ("", 0.0))
        if decay and self.coupling in ("none", "norm"):
            remedy = "set wd=0" if name == "weight_decay" else f"remove {name}"
            text = (
                f"coupling=norm keeps the norm of the weights instead of decaying them; {remedy}"
                if self.coupling == "norm"
                else f"coupling=none has no weight decay; choose an optimizer with weight decay, "
                f"such as adam_l2 or adamw, or {remedy}"
            )
            raise ValueError(f"{name}={decay:g} has no effect: {text}")
        return self

    @classmethod
    def column_fields(cls) -> Mapping[str, FieldInfo]:
        """See `Component.column_fields`. The settings of a user's rule have no columns."""
        return cls.model_fields if cls.__module__.startswith("adamcmp.") else Rule.model_fields

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. The source of a class in the user's code is part of it."""
        return {**super().identity(), **self._source()}

    def imported_code(self) -> dict[str, str]:
        """See `Component.imported_code`."""
        return {"rule": self.rule} if "." in self.rule else {}

    def _source(self) -> dict[str, str]:
        return source_digest(self.rule) if "." in self.rule else {}

    @model_validator(mode="after")
    def _filter_reaches_every_group(self) -> Self:
        if self.decay_filter == "no_bias_norm":
            for label, group in self.groups.items():
                if group.match is not None and group.weight_decay is None:
                    raise ValueError(
                        f"decay_filter=no_bias_norm does not reach the parameters that groups."
                        f"{label} takes by their name; set groups.{label}.weight_decay"
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
        return (*self._transformations(), decay)

    def _transformations(self) -> tuple[GradientTransformation, ...]:
        """Return the rule without coupling, with cautious updates if they are set."""
        rule = self.transformations()
        if type(rule) not in (tuple, list) or not all(
            isinstance(t, GradientTransformation) for t in rule
        ):
            raise ConfigError(
                f"optimizer.rule={self.rule}: transformations() should return a tuple of "
                f"GradientTransformation, such as (scale_by_learning_rate(),)."
            )
        return (cautious_updates(chain(*rule)),) if self.cautious_updates else rule

    @abstractmethod
    def numbers(self) -> dict[str, float]:
        """Return the rule's hyperparameters, by the names that its transformations read."""

    def averaged(self, optimizer: GradientTransformation) -> GradientTransformation:
        """Return the optimizer with an average of its iterates, if the rule has one.

        Args:
            optimizer: The rule with its weight decay.
        """
        return optimizer

    def remaining_rule(self) -> Rule | None:
        """Return the rule of all parameters but the hidden matrices; None: it is this rule."""
        return self.model_copy(update={"coupling": "none"}) if self.coupling == "norm" else None

    @property
    def concatenates(self) -> bool:
        """Whether the optimizer may treat concatenated parameters as one."""
        return self.elementwise and self._wrappers_concatenate

    @property
    def concatenates_at_equal_steps(self) -> bool:
        """Whether it may do so with parameters that have had gradients in the same steps."""
        elementwise = self.elementwise or self.elementwise_at_equal_steps
        return elementwise and self._wrappers_concatenate

    @property
    def _wrappers_concatenate(self) -> bool:
        return not self.cautious_updates and self.coupling != "norm"

    def hypers(self, steps: int = 1) -> dict[str, float]:
        """See `Optimizer.hypers`.

        Those of a parameter group begin with ``groups.<label>.``, and those of another remaining
        rule with ``remaining.``.
        """
        # B·T/b is the number of steps.
        unit = math.sqrt(steps) if self.normalized else 1.0
        values = {"lr": self.lr, "weight_decay": self.weight_decay / unit, **self.numbers()}
        if self.sam_rho:
            values["sam_rho"] = self.sam_rho
        if self.lookahead_steps:
            values["lookahead_alpha"] = self.lookahead_alpha
        remaining = self.remaining_rule()
        if remaining is not None and type(remaining) is not type(self):
            values |= {f"remaining.{k}": v for k, v in remaining.hypers(steps).items()}
        for label, group in self._settings_of_groups().items():
            values[f"groups.{label}.lr_scale"] = group.lr_scale
            if group.weight_decay is not None:
                values[f"groups.{label}.weight_decay"] = group.weight_decay / unit
        return values

    def group_hypers(self, group: ParameterGroup, hypers: Hypers) -> Hypers:
        """Return the hyperparameters of a parameter group.

        Args:
            group: The group.
            hypers: The values of all names of `hypers`, and ``multiplier``.
        """
        values = dict(hypers)
        if group.remaining:
            prefix = "remaining."
            values |= {k.removeprefix(prefix): v for k, v in hypers.items() if k.startswith(prefix)}
        if group.label:
            prefix = f"groups.{group.label}."
            values["lr"] = values["lr"] * hypers[f"{prefix}lr_scale"]
            values["weight_decay"] = hypers.get(f"{prefix}weight_decay", values["weight_decay"])
        return values

    def group_chain(self, group: ParameterGroup, *, decays: bool = True) -> GradientTransformation:
        """Return the optimizer of a parameter group as one transformation, without clipping.

        Args:
            group: The group.
            decays: Whether weights may decay; if not, the state has the same structure.
        """
        remaining = self.remaining_rule() if group.remaining else None
        return (remaining or self).chain(decays=decays)

    def chain(self, *, clip: bool = False, decays: bool = True) -> GradientTransformation:
        """Return the whole optimizer as one transformation: clipping, L2, rule, decay, averages.

        Args:
            clip: Whether gradients are clipped to the norm ``hypers["grad_clip"]``.
            decays: Whether weights may decay; if not, the state has the same structure.
        """
        before = []
        rule = self._transformations()
        if clip:
            before.append(clip_by_global_norm())
        if self.coupling == "l2":
            before.append(add_l2_penalty(cautious=self.cautious) if decays else identity())
        elif self.coupling == "norm":
            rule = (constrain_norms(chain(*rule)),)
        elif self.coupling != "none":
            decay = add_decayed_weights(COUPLINGS[self.coupling], cautious=self.cautious)
            rule = self.with_decay(decay if decays else identity())
        optimizer = self.averaged(chain(*before, *rule))
        return lookahead(optimizer, self.lookahead_steps) if self.lookahead_steps else optimizer

    def structure(self) -> tuple[Any, ...]:
        """See `Optimizer.structure`."""
        hypers = {"name", "lr", "weight_decay", "groups", "sam_rho", "lookahead_alpha"}
        hypers |= self.number_fields
        fields = (field for field in type(self).model_fields if field not in hypers)
        groups = (
            (label, group.match, group.weight_decay is not None)
            for label, group in self._settings_of_groups().items()
        )
        return (
            *((field, getattr(self, field)) for field in fields),
            ("sam", self.sam_rho > 0),
            *self._source().items(),
            *groups,
        )

    def _settings_of_groups(self) -> dict[str, GroupSettings]:
        """Return `groups` with that of `decay_filter`."""
        groups = dict(self.groups)
        if self.decay_filter == "no_bias_norm":
            group = groups.get(_BIASES_NORMS, GroupSettings())
            if group.weight_decay is None:
                groups[_BIASES_NORMS] = group.model_copy(update={"weight_decay": 0.0})
        return groups

    def _group(self, name: str, role: str) -> tuple[str, bool]:
        is_remaining = self.remaining_rule() is not None and role != "matrices"
        return group_of(name, role, self._settings_of_groups()), is_remaining
