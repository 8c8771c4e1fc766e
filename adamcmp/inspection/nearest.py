"""Find the rule and coupling of this package whose trajectory is nearest to an optimizer's."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from adamcmp.components.optimizers import COUPLINGS, Rule
from adamcmp.errors import ConfigError
from adamcmp.inspection.arguments import DecayArgument
from adamcmp.inspection.candidates import build_rule, candidates, specific_settings, trajectory
from adamcmp.inspection.decay import Decay
from adamcmp.inspection.decay_probes import follows_schedule
from adamcmp.inspection.problem import random_gradients
from adamcmp.inspection.problem import weights as initial_weights
from adamcmp.inspection.ranking import SAME, ranked_rules
from adamcmp.inspection.subjects import Subject

#: Steps of a comparison, and their learning rates divided by the initial one.
MULTIPLIERS = (1.0,) * 8 + (0.5,) * 4 + (0.25,) * 4
#: Relative differences that are rounding, also in the fitted coefficient of L2.
_ROUNDING = 1e-9
#: The number of nearest rules that are compared with all couplings.
_COMPARED = 3


@dataclass(frozen=True)
class Nearest:
    """The nearest variant of this package.

    Attributes:
        rule: The rule with its settings and coupling.
        difference: The largest distance between the two trajectories, divided by the largest
            distance of the optimizer's weights from their start.
    """

    rule: Rule
    difference: float


def nearest_variant(
    subject: Subject, decay: Decay, argument: DecayArgument | None
) -> Nearest | None:
    """Return the nearest variant; None if the optimizer does not move under random gradients.

    The rules that are nearest at weights of 0 are compared with weight decay, on weights that move
    under random gradients. If none is the same, all rules are, since an optimizer that keeps a copy
    of the weights, as schedule-free ones do, is another one where weights are set back to 0.

    Args:
        subject: The optimizer.
        decay: Its weight decay.
        argument: The setting that is the coefficient of the decay.

    Raises:
        ProbeFailed: If the optimizer fails.
    """
    gradients = random_gradients(subject.shape, len(MULTIPLIERS))
    multipliers = MULTIPLIERS if follows_schedule(subject) else (1.0,) * len(MULTIPLIERS)
    start = initial_weights(subject.shape)
    path = subject.updates(start, gradients, multipliers, free=True).cumsum(0)
    scale = _largest(path)
    if not scale:
        return None

    def compared(variants: Iterable[Rule]) -> list[Nearest]:
        paths = ((v, trajectory(v, gradients, multipliers).cumsum(0)) for v in variants)
        return [Nearest(variant, _largest(other - path) / scale) for variant, other in paths]

    rules = [*candidates(subject.lr or 1.0, subject.settings)]
    ranked = ranked_rules(subject, rules, gradients, multipliers)
    nearest = compared(
        variant
        for rule in ranked[:_COMPARED]
        for variant in _variants(rule, decay, argument, subject.lr)
    )
    if all(variant.difference > SAME for variant in nearest):
        usual = {coupling for coupling in ("l2", "decoupled") if not decay.exact}
        nearest += compared(
            variant
            for rule in rules
            for variant in _variants(rule, decay, argument, subject.lr)
            if not usual or (variant.coupling in usual and not variant.cautious)
        )
    finite = (variant for variant in nearest if np.isfinite(variant.difference))
    return min(finite, key=_order, default=None)


def equivalent_couplings(rule: Rule, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the other one of ``l2`` and ``decoupled`` if it is the same update for a rule.

    It is for plain SGD (Loshchilov & Hutter 2019, Proposition 1), also in a schedule-free form.

    Args:
        rule: The rule with its coupling.
        shape: The shape of the weights to compare the two on.
    """
    other = {"l2": "decoupled", "decoupled": "l2"}.get(rule.coupling)
    if other is None or not rule.weight_decay or other in rule.refused_couplings:
        return ()
    gradients = random_gradients(shape, len(MULTIPLIERS))
    paths = [
        trajectory(each, gradients, MULTIPLIERS).cumsum(0)
        for each in (rule, rule.model_copy(update={"coupling": other}))
    ]
    return (other,) if _largest(paths[0] - paths[1]) < SAME * _largest(paths[0]) else ()


def _largest(path: Tensor) -> float:
    """Return the largest norm of the weights at a step."""
    return float(path.flatten(1).norm(dim=1).max())


def _order(nearest: Nearest) -> tuple[float, int]:
    """Order variants by difference, and those that differ equally by unusual settings."""
    rule = nearest.rule
    fields = type(rule).model_fields
    unusual = [name for name, v in specific_settings(rule).items() if v != fields[name].default]
    return float(f"{max(nearest.difference, _ROUNDING):.2g}"), len(unusual)


def _variants(
    rule: Rule, decay: Decay, argument: DecayArgument | None, lr: float | None
) -> Iterator[Rule]:
    """Yield the rule with the coupling of a decay, or with each coupling if the decay has none.

    The coefficient is the measured one or, for rules that multiply it by a step size that they
    choose themselves, the setting.
    """
    if decay.coupling == "none":
        yield rule
        return
    names = (decay.coupling,) if decay.exact or decay.coupling == "norm" else ("l2", *COUPLINGS)
    masks = (decay.cautious,) if decay.exact else (False, True)
    numbers = {decay.coefficient(lr) or 0.0}
    if argument is not None and argument.factor > 0:
        numbers.add(argument.value)
    settings, refused = specific_settings(rule), True
    for coupling, cautious, wd in itertools.product(names, masks, sorted(numbers)):
        decayed = {"coupling": coupling, "weight_decay": wd, "cautious": cautious}
        with contextlib.suppress(ConfigError):  # the coupling does not apply, or wd is negative
            yield build_rule(rule.rule, rule.lr, {**settings, **decayed})
            refused = False
    if refused or not decay.exact:
        yield rule
