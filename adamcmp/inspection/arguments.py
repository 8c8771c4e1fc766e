"""Which of the given settings is the coefficient of the decay, and which have no effect."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from adamcmp.inspection import decay_probes as probes
from adamcmp.inspection.decay import Decay
from adamcmp.inspection.l2_probes import cautious_l2_coefficient, l2_coefficient
from adamcmp.inspection.problem import constant_gradient, random_gradients, weights
from adamcmp.inspection.subjects import ProbeFailed, Subject

#: Factors between a coefficient and its argument that optimizers mean to have.
USUAL_FACTORS = (1.0, 2.0, 0.5)
#: Steps that settings without an effect do not change, and their learning rates.
_MULTIPLIERS = (1.0,) * 8 + (0.5,) * 4


@dataclass(frozen=True)
class DecayArgument:
    """The setting that the decay is proportional to.

    Attributes:
        name: Its name.
        value: Its value.
        factor: The coefficient of the decay divided by the value.
        after_step: Whether the weights decay after the rule's step instead of before or beside it:
            θ ← (1 − c)·(θ + u). None if it could not be measured.
    """

    name: str
    value: float
    factor: float
    after_step: bool | None


def unused_settings(subject: Subject) -> list[str]:
    """Return the numbers among the settings that change no update, other than zeros."""
    return [name for name, changed in _changed(subject) if _same_updates(subject, changed)]


def unused_group_settings(subject: Subject) -> list[str]:
    """Return the settings of a parameter group that the optimizer neither knows nor uses."""
    unused = []
    for name, without in subject.unknown_group_settings():
        with contextlib.suppress(ProbeFailed):  # the optimizer requires the setting
            if _same_updates(subject, without):
                unused.append(name)
    return unused


def decay_argument(subject: Subject, decay: Decay) -> tuple[Decay, DecayArgument | None]:
    """Find the setting that the decay is proportional to, by doubling each.

    If the coefficient could be relative to the learning rate or to the optimizer's own step
    size, it is the one that equals the setting.

    Returns:
        The decay, and the setting; None if there is none.
    """
    if decay.coupling in ("none", "norm") or decay.strength is None:
        return decay, None
    before = _strength(subject, decay)
    for name, changed in _changed(subject):
        value = float(subject.settings[name])
        ratio = float(changed.settings[name]) / value
        try:
            after = _strength(changed, decay)
        except ProbeFailed:
            continue
        if not before or not after or abs(after / before / ratio - 1) > 2e-2:
            continue
        decay = _relative_to(decay, value)
        strength = decay.step_ratio if decay.follows_step else decay.strength
        factor = _simple((strength or math.nan) / value)
        return decay, DecayArgument(
            name, value, factor, _decays_after_step(subject, changed, decay)
        )
    return decay, None


def _changed(subject: Subject) -> Iterator[tuple[str, Subject]]:
    """Yield the optimizer with each number among its settings doubled, or halved if that fails."""
    for name, value in subject.settings.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value:
            continue
        for factor in (2, 0.5):
            changed = subject.with_settings(**{name: type(value)(factor * value)})
            try:
                changed.updates(weights(subject.shape), [constant_gradient(subject.shape)], [1.0])
            except ProbeFailed:  # out of range
                continue
            if changed.lr == subject.lr:  # otherwise it is the learning rate
                yield name, changed
            break


def _same_updates(subject: Subject, changed: Subject) -> bool:
    gradients = random_gradients(subject.shape, len(_MULTIPLIERS))
    for size in (1.0, 1e-6):
        updates, others = (
            each.updates(
                weights(subject.shape), [size * g for g in gradients], _MULTIPLIERS, free=True
            )
            for each in (subject, changed)
        )
        if not torch.equal(updates, others):
            return False
    return True


def _strength(subject: Subject, decay: Decay) -> float | None:
    """Return a number that is proportional to the coefficient of the decay."""
    if decay.coupling == "l2":
        measure = cautious_l2_coefficient if decay.cautious else l2_coefficient
        return measure(subject)
    return probes.shares(subject)[-1]


def _relative_to(decay: Decay, value: float) -> Decay:
    """Return the decay with the strength of the two that is a usual multiple of a setting."""
    if decay.step_ratio is None or decay.strength is None:
        return decay
    fits = {
        follows: any(math.isclose(abs(strength), f * value, rel_tol=1e-2) for f in USUAL_FACTORS)
        for follows, strength in ((False, decay.strength), (True, decay.step_ratio))
    }
    if fits[False] == fits[True] or fits[decay.follows_step]:
        return decay
    if fits[True]:
        return replace(decay, coupling="decoupled", follows_step=True, exact=False)
    return replace(decay, follows_step=False)


def _simple(factor: float) -> float:
    """Return a factor without the error of measurement if it is near a simple number."""
    nearest = round(2 * factor) / 2
    return nearest if nearest and abs(factor / nearest - 1) < 1e-3 else float(f"{factor:.4g}")


def _decays_after_step(subject: Subject, changed: Subject, decay: Decay) -> bool | None:
    """Return whether the part of a step that the gradient causes shrinks with the decay."""
    if not decay.is_separate:
        return None
    before, after = (probes.step_sizes(each)[-1] for each in (subject, changed))
    shares = [probes.shares(each)[-1] for each in (subject, changed)]
    if not before or decay.follows_step or decay.cautious:
        return None
    measured, expected = after / before, (1 - shares[1]) / (1 - shares[0])
    if abs(measured - 1) < 1e-3 * abs(expected - 1):
        return False
    return True if abs(measured - expected) < 1e-3 * abs(expected - 1) else None
