"""The result of an inspection, and its sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from adamcmp.inspection.arguments import DecayArgument
from adamcmp.inspection.decay import EXPONENTS, Decay
from adamcmp.inspection.ranking import NEAR, SAME
from adamcmp.inspection.rule_probes import UpdateRule

#: The update of each coupling, with wd as its coefficient; those of docs/couplings.md.
UPDATES = {
    "none": "the weights do not decay",
    "l2": "g ← g + wd·θ before the update rule",
    "decoupled": "θ ← θ − s_t·lr·wd·θ",
    "independent": "θ ← θ − s_t·wd·θ",
    "fixed": "θ ← θ − wd·θ",
    "corrected": "θ ← θ − s_t²·lr·wd·θ",
    "norm": "no step changes the norm of the weights",
}


@dataclass(frozen=True)
class Inspection:
    """What an optimizer does with weight decay, measured.

    Attributes:
        target: The optimizer, as the user named it.
        settings: The settings that the user gave.
        lr: Its initial learning rate; None if it is unknown.
        coupling: The coupling that is the same, or the most similar if `exact` is false.
        exact: Whether every observation agrees with the coupling.
        coefficient: wd of the coupling; None if it is not one number.
        decay: The measured decay.
        argument: The setting that is the coefficient; None if none is.
        rule: What the update rule does with gradients.
        nearest: The overrides of the nearest variant; None if there is none.
        difference: The largest difference to its trajectory, relative to the distance travelled.
        confidence: ``high``: every observation agrees with the formula of the decay, or the
            trajectory of the nearest variant is the same up to rounding and ε; ``medium``: some
            observations could not be made, or no variant is near; ``low``: the decay has none of
            the known forms.
        cannot_tell: What could not be measured, and why.
        warnings: What users of the optimizer should know.
    """

    target: str
    settings: Mapping[str, Any]
    lr: float | None
    coupling: str
    exact: bool
    coefficient: float | None
    decay: Decay
    argument: DecayArgument | None
    rule: UpdateRule
    nearest: tuple[str, ...] | None
    difference: float | None
    confidence: str
    cannot_tell: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def is_near(self) -> bool:
        """Whether the nearest variant is similar enough to be named."""
        return self.difference is not None and self.difference < NEAR

    @property
    def formula(self) -> str:
        """The decay as an update."""
        if self.decay.has_trust_ratio:
            update = UPDATES[self.coupling].replace("θ − ", "θ − r·")
            return f"{update}{_restriction(self.decay)} with the trust ratio r of the step"
        if self.exact or self.coupling == "norm":
            return UPDATES[self.coupling] + _restriction(self.decay)
        if self.decay.strength is None:
            return "the effect of the weights has none of the known forms"
        return f"θ ← θ − c·θ, c = {share_formula(self.decay)}{_restriction(self.decay)}"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values; numbers that could not be measured are None."""
        decay = {name: _finite(value) for name, value in asdict(self.decay).items()}
        return {**asdict(self), "decay": decay, "formula": self.formula}


def _restriction(decay: Decay) -> str:
    """Return which weights a decay or norm concerns; empty if all."""
    if decay.cautious:
        return (
            f" where θ agrees in sign with the {'gradient' if decay.coupling == 'l2' else 'step'}"
        )
    return f" in its {decay.norm_of}" if decay.norm_of in ("rows", "columns") else ""


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def share_formula(decay: Decay) -> str:
    """Return c, the share by which a step shrinks the weights, as a formula.

    >>> share_formula(Decay("corrected", 0.1, lr_exponent=2.0, schedule_exponent=2.0))
    'wd·lr²·s_t²'
    >>> share_formula(Decay("decoupled", 0.1, follows_step=True))
    "wd × the size of the rule's step"
    """
    if decay.follows_step:
        return "wd × the size of the rule's step"
    expected = EXPONENTS[decay.coupling]
    powers = {
        "lr": expected[0] if decay.lr_exponent is None else decay.lr_exponent,
        "s_t": expected[1] if decay.schedule_exponent is None else decay.schedule_exponent,
        "|g|": decay.gradient_exponent,
        "‖θ‖": decay.weights_exponent,
    }
    return "·".join(["wd", *(_power(base, power) for base, power in powers.items() if power)])


def _power(base: str, power: float) -> str:
    shown = {1: "", 2: "²", 0.5: "^½", -1: "^-1"}
    return f"{base}{shown.get(power, f'^{power:g}')}"


def confidence_of(decay: Decay, difference: float | None) -> str:
    """Return the confidence in a coupling; see `Inspection`.

    Args:
        decay: The measured decay.
        difference: The difference to the nearest variant with this coupling.
    """
    same = difference is not None and difference < SAME
    if not decay.exact and not same:
        return "low"
    far = difference is not None and difference >= NEAR
    return "medium" if far or None in _measured_exponents(decay) else "high"


def _measured_exponents(decay: Decay) -> tuple[float | None, ...]:
    return (decay.lr_exponent, decay.schedule_exponent) if decay.is_separate else ()


def limits(
    decay: Decay, rule: UpdateRule, difference: float | None, precision: str
) -> Iterator[str]:
    """Yield what could not be measured, and why.

    Args:
        decay: The measured decay.
        rule: The measured update rule.
        difference: The difference to the nearest variant; if there is none, its rule is the answer
            to what could not be measured of the update rule.
        precision: The type of the weights.
    """
    if decay.equivalent:
        names = " or ".join((decay.coupling, *decay.equivalent))
        yield f"the coupling is {names}: they are the same update for this rule"
    measured = decay.is_separate and decay.strength is not None
    if measured and decay.lr_exponent is None:
        yield "whether lr multiplies the decay: the optimizer takes no argument lr"
    if measured and decay.schedule_exponent is None:
        yield "whether schedules multiply the decay: a change of lr during the run has no effect"
    if difference is None or difference >= SAME:
        yield from _limits_of_rule(rule)
    if precision != "float64":
        yield f"small effects: the optimizer takes {precision} weights only"


def _limits_of_rule(rule: UpdateRule) -> Iterator[str]:
    if rule.copies_weights:
        yield "what the update rule does: the optimizer keeps a copy of the weights"
    elif rule.gradient_exponent is None:
        yield "what the update rule does: weights of 0 do not move"
    elif rule.is_normalized and not rule.sign and not rule.squares_summed:
        if rule.eps_in_root is None:
            yield "where ε is: no known form fits the steps"
        if rule.bias_correction is None:
            yield "whether averages are corrected for their start at 0: no known form fits"


def warnings_of(
    decay: Decay, argument: DecayArgument | None, unused: list[str], settings: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what users of the optimizer should know.

    Args:
        decay: The measured decay.
        argument: The setting that is its coefficient.
        unused: The settings that change no update.
        settings: All settings.
    """
    for name in unused:
        yield f"{name}={settings[name]:g} has no effect: the value is accepted and never applied."
    if argument is not None:
        yield from _warnings_of_argument(decay, argument)
    elif decay.coupling not in ("none", "norm"):
        yield "The weights decay, and no given setting is the coefficient."
    for quantity, power in (
        ("weights, as if their norm multiplied the step", decay.weights_exponent),
        ("gradients", decay.gradient_exponent),
    ):
        if power and not decay.has_trust_ratio:
            yield f"The decay is proportional to the power {power:g} of the size of the {quantity}."
    if decay.accumulates:
        yield "The decay changes from step to step, as if it entered a momentum or a warm-up."
    if not decay.exact:
        yield f"No coupling of adamcmp is this decay; {decay.coupling} is the most similar."


def _warnings_of_argument(decay: Decay, argument: DecayArgument) -> Iterator[str]:
    if argument.factor < 0:
        yield "The weights grow: the decay has the wrong sign."
    scaled = decay.gradient_exponent or decay.weights_exponent
    if argument.factor not in (1.0, -1.0) and not scaled:
        yield f"The coefficient is {argument.factor:g} times {argument.name}."
    if argument.after_step:
        yield "The weights decay after the rule's step, whose update shrinks with them."
