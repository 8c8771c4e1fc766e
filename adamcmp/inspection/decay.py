"""What an optimizer does with weight decay, in the terms of this package's couplings."""

from __future__ import annotations

import math
from dataclasses import dataclass

from adamcmp.inspection import decay_probes as probes
from adamcmp.inspection.decay_probes import exponent, tolerance
from adamcmp.inspection.l2_probes import cautious_l2_coefficient, l2_coefficient
from adamcmp.inspection.problem import opposed_gradients
from adamcmp.inspection.subjects import Subject

#: The exponents (of the initial learning rate, of the schedule's multiplier) of each decay that is
#: separate from the gradient; see `adamcmp.components.optimizers.COUPLINGS`.
EXPONENTS = {"decoupled": (1, 1), "independent": (0, 1), "fixed": (0, 0), "corrected": (1, 2)}


@dataclass(frozen=True)
class Decay:
    """How the weights themselves change the updates.

    A decay that is separate from the gradient is θ ← θ − c·θ, with
    c = k·lr^q·s_t^p for the initial learning rate lr and the schedule's multiplier s_t.

    Attributes:
        coupling: The coupling of this package that is the same or the most similar.
        strength: k at the first step that decays, or the coefficient of L2; None if it is not one
            number.
        exact: Whether every observation agrees with this coupling.
        equivalent: Further couplings that are the same for this optimizer.
        lr_exponent: q; None if it could not be measured.
        schedule_exponent: p; None if it could not be measured.
        gradient_exponent: The power of the size of the gradients that c grows with.
        weights_exponent: The power of the size of the weights that c grows with: 1 if the norm of
            the weights multiplies steps, as the trust ratio of LAMB (You et al. 2020, arXiv
            1904.00962).
        cautious: Whether only weights decay that agree in sign with the step's descent direction
            (with L2: with the gradient).
        accumulates: Whether c changes from step to step at a constant gradient and learning rate,
            as if the decay entered the momentum.
        step_ratio: c divided by the size of the step that the gradient causes, if it is constant.
        follows_step: Whether c is this multiple of a step size that the optimizer chooses itself,
            such as that of LAMB, which the norm of the weights multiplies.
        norm_of: With ``norm``: whose norm is constant, the ``tensor``, its ``rows`` or ``columns``.
    """

    coupling: str
    strength: float | None = None
    exact: bool = True
    equivalent: tuple[str, ...] = ()
    lr_exponent: float | None = None
    schedule_exponent: float | None = None
    gradient_exponent: float = 0.0
    weights_exponent: float = 0.0
    cautious: bool = False
    accumulates: bool = False
    step_ratio: float | None = None
    follows_step: bool = False
    norm_of: str | None = None

    @property
    def is_simple(self) -> bool:
        """Whether the decay depends on nothing but the weights and the learning rate."""
        relative = self.gradient_exponent or self.weights_exponent or self.follows_step
        return self.strength is not None and not relative and not self.accumulates

    @property
    def has_trust_ratio(self) -> bool:
        """Whether it is a coupling whose c is multiplied by a trust ratio, as LAMB's."""
        return self.exact and self.is_separate and bool(self.weights_exponent)

    @property
    def is_separate(self) -> bool:
        """Whether the decay is a change of the weights beside the gradient's."""
        return self.coupling in EXPONENTS

    def coefficient(self, lr: float | None) -> float | None:
        """Return wd of the coupling at an initial learning rate; None if it is not one number."""
        if self.follows_step:
            return self.step_ratio
        if self.strength is None or self.lr_exponent is None or lr is None:
            return self.strength
        power = self.lr_exponent - EXPONENTS[self.coupling][0]
        return self.strength * float(lr**power)


def measure_decay(subject: Subject) -> Decay:
    """Measure how an optimizer decays weights.

    Raises:
        ProbeFailed: If the optimizer fails.
    """
    if not probes.depends_on_weights(subject):
        return Decay("none")
    norm_of = probes.constant_norm(subject)
    if norm_of is not None:
        return Decay("norm", exact=norm_of == "tensor", norm_of=norm_of)
    penalty = l2_coefficient(subject)
    separate = _separate_decay(subject) if probes.is_multiple_of_weights(subject) else None
    if penalty is not None:
        same = separate is not None and separate.exact and separate.coupling == "decoupled"
        return Decay("l2", penalty, equivalent=("decoupled",) if same else ())
    if separate is not None and separate.exact:
        return separate
    penalty = cautious_l2_coefficient(subject)
    if penalty is not None:
        return Decay("l2", penalty, cautious=True)
    return separate or _unclear(subject)


def _separate_decay(subject: Subject) -> Decay | None:
    """Return a decay that is a multiple of the weights; None if it is too small to measure."""
    shares = probes.shares(subject)
    noise = probes.resolution(subject)
    first = next((share for share in shares if abs(share) > noise), shares[-1])
    last = shares[-1]
    if abs(last) <= noise:
        return None
    by_gradient = exponent(last, probes.shares(subject, size=16)[-1], 16)
    by_weights = exponent(last, probes.shares(subject, scale=2)[-1], 2)
    accumulates = not _equal(shares[-2], last, tolerance(subject))
    ratio = _ratio_to_step(subject)
    powers = (_lr_exponent(subject, last), _schedule_exponent(subject, last))
    simple = not (by_gradient or by_weights or accumulates)
    follows_step = not simple and ratio is not None
    coupling = "decoupled" if follows_step else _most_similar(*powers)
    expected = EXPONENTS[coupling]
    lr_power = expected[0] if powers[0] is None else powers[0]
    cautious = not by_weights and _is_cautious(subject)
    if cautious:
        first *= 2  # a mask leaves half of the decay in the odd part
    return Decay(
        coupling,
        strength=first / (subject.lr or 1.0) ** lr_power,
        exact=simple and all(power in (None, e) for power, e in zip(powers, expected, strict=True)),
        lr_exponent=powers[0],
        schedule_exponent=powers[1],
        gradient_exponent=by_gradient,
        weights_exponent=by_weights,
        cautious=cautious,
        accumulates=accumulates,
        step_ratio=ratio,
        follows_step=follows_step,
    )


def _lr_exponent(subject: Subject, share: float) -> float | None:
    """Return the power of the initial learning rate; None if it cannot be set."""
    doubled = subject.with_lr(2 * subject.lr) if subject.lr else None
    if doubled is None or doubled.lr is None or subject.lr is None:
        return None
    return exponent(share, probes.shares(doubled)[-1], doubled.lr / subject.lr)


def _schedule_exponent(subject: Subject, share: float) -> float | None:
    """Return the power of the schedule's multiplier; None if changes of lr have no effect."""
    if not probes.follows_schedule(subject):
        return None
    return exponent(share, probes.shares(subject, probes.LAST_QUARTER)[-1], 0.25)


def _ratio_to_step(subject: Subject) -> float | None:
    """Return c divided by the size of the step that the gradient causes, if this is constant.

    Measured over steps and at several sizes of weights and gradients.
    """
    ratios = []
    for size, scale in ((1.0, 1.0), (1.0, 2.0), (16.0, 1.0)):
        shares = probes.shares(subject, size=size, scale=scale)
        sizes = probes.step_sizes(subject, size=size, scale=scale)
        ratios += [share / step for share, step in zip(shares, sizes, strict=True) if step]
    relative = 100 * tolerance(subject)
    constant = all(_equal(ratio, ratios[0], relative) for ratio in ratios)
    return ratios[0] if ratios and constant else None


def _is_cautious(subject: Subject) -> bool:
    agreeing, others = probes.share_by_agreement(subject)
    return agreeing != 0 and abs(others) < tolerance(subject) * abs(agreeing)


def _unclear(subject: Subject) -> Decay:
    """Return the most similar coupling of a dependence on the weights that is no coupling.

    With L2 and an adaptive rule, the effect of the weights falls as the gradients grow.
    """
    small, large = (
        probes.odd_part(
            subject, opposed_gradients(subject.shape, probes.STEPS, size), probes.CONSTANT
        ).norm()
        for size in (1.0, 16.0)
    )
    return Decay("l2" if large < small / 2 else "decoupled", exact=False)


def _most_similar(lr_exponent: float | None, schedule_exponent: float | None) -> str:
    """Return the coupling with the nearest exponents; those of the schedule count first."""

    def distance(coupling: str) -> tuple[float, float]:
        lr, schedule = EXPONENTS[coupling]
        return (_distance(schedule, schedule_exponent), _distance(lr, lr_exponent))

    return min(EXPONENTS, key=distance)


def _distance(expected: float, measured: float | None) -> float:
    return 0.0 if measured is None or math.isnan(measured) else abs(expected - measured)


def _equal(a: float, b: float, relative: float) -> bool:
    return abs(a - b) <= relative * max(abs(a), abs(b))
