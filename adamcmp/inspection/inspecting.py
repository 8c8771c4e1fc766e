"""Inspect an optimizer: all probes, then the sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch

from adamcmp.components.optimizers import Rule
from adamcmp.errors import ConfigError
from adamcmp.inspection.arguments import (
    DecayArgument,
    decay_argument,
    unused_group_settings,
    unused_settings,
)
from adamcmp.inspection.commands import overrides_of
from adamcmp.inspection.decay import EXPONENTS, Decay, measure_decay
from adamcmp.inspection.nearest import equivalent_couplings, nearest_variant
from adamcmp.inspection.ranking import SAME
from adamcmp.inspection.report import Inspection, confidence_of, limits, warnings_of
from adamcmp.inspection.rule_probes import measure_rule
from adamcmp.inspection.subjects import ProbeFailed, Subject


def inspect_subject(subject: Subject, target: str) -> Inspection:
    """Measure how an optimizer decays weights.

    Args:
        subject: The optimizer.
        target: Its name.

    Raises:
        ConfigError: If the optimizer fails in a probe.
    """
    try:
        return _inspection(subject, target)
    except ProbeFailed as error:
        raise ConfigError(f"{target} cannot be probed: it fails in a step ({error}).") from error


def _inspection(subject: Subject, target: str) -> Inspection:
    rule = measure_rule(subject)
    decay, argument = decay_argument(subject, measure_decay(subject))
    measured = decay
    nearest = nearest_variant(subject, decay, argument)
    if nearest is not None and nearest.difference < SAME:
        decay, argument = _confirmed(decay, argument, nearest.rule, subject.lr)
        decay = replace(decay, equivalent=equivalent_couplings(nearest.rule, subject.shape))
    difference = nearest.difference if nearest else None
    return Inspection(
        target=target,
        settings=dict(subject.settings),
        lr=subject.lr,
        coupling=decay.coupling,
        exact=decay.exact,
        coefficient=decay.coefficient(subject.lr),
        decay=decay,
        argument=argument,
        rule=rule,
        nearest=tuple(overrides_of(nearest.rule)) if nearest else None,
        difference=difference,
        confidence=confidence_of(decay, difference),
        cannot_tell=tuple(limits(decay, rule, difference, _name(subject.dtype))),
        warnings=(
            *warnings_of(decay, argument, unused_settings(subject), subject.settings),
            *_change_of_coefficient(measured, decay, subject.lr),
            *(
                f"{name} has no effect: the class has no setting of this name."
                for name in unused_group_settings(subject)
            ),
        ),
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _confirmed(
    decay: Decay, argument: DecayArgument | None, rule: Rule, lr: float | None
) -> tuple[Decay, DecayArgument | None]:
    """Return decay and setting as those of a rule that moves the weights in the same way.

    The rule tells what the probes of the decay alone do not: that a step size which the optimizer
    chooses multiplies the decay too, as for LAMB and Prodigy.
    """
    if decay.coupling in ("none", "norm"):
        return decay, argument
    wd = decay.coefficient(lr) or 0.0
    if decay.is_simple and math.isclose(wd, rule.weight_decay, rel_tol=1e-3):
        return decay, argument
    powers = EXPONENTS.get(rule.coupling, (None, None))
    confirmed = Decay(
        rule.coupling,
        rule.weight_decay or None,
        lr_exponent=powers[0],
        schedule_exponent=powers[1],
        weights_exponent=decay.weights_exponent,
        cautious=rule.cautious,
    )
    if argument is not None:
        argument = replace(argument, factor=rule.weight_decay / argument.value)
    return confirmed, argument


def _change_of_coefficient(measured: Decay, decay: Decay, lr: float | None) -> Iterator[str]:
    """Yield warnings if the probes of the decay alone measured another coefficient."""
    before, after = measured.coefficient(lr), decay.coefficient(lr)
    if decay.has_trust_ratio and after:
        separate = replace(measured, coupling=decay.coupling, follows_step=False)
        ratio = (separate.coefficient(lr) or math.nan) / after
        yield (
            f"A trust ratio r, which grows with the norm of the weights, multiplies the step and "
            f"the decay: it was {ratio:.3g} in the probes."
        )
    if measured.is_simple and before and after and not math.isclose(before, after, rel_tol=1e-3):
        yield (
            f"The coefficient is not constant: it was {before:.3g} in the probes of the decay, "
            f"whose gradients are orthogonal to the weights."
        )
