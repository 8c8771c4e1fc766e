"""Convert a coefficient of weight decay between conventions.

Every convention fixes the share c by which one step shrinks the weights, θ ← θ − c·θ, where the
schedule's multiplier is 1. Two coefficients are equivalent if they fix the same c.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adamcmp.errors import ConfigError, nearest

#: What a conversion may need: the learning rate, batch size b, training examples B and epochs T.
INPUTS = ("lr", "batch_size", "samples", "epochs")

L2_NOTE = (
    "L2 and decoupled weight decay with the same coefficient are the same update only for SGD "
    "without momentum. With momentum or an adaptive rule such as Adam, no coefficient makes them "
    "equal. The paper is Loshchilov & Hutter 2019."
)

_Numbers = Mapping[str, float]


def _unchanged(value: float, inputs: _Numbers) -> float:
    return value


@dataclass(frozen=True)
class Convention:
    """One meaning of a coefficient of weight decay.

    A convention fixes either c itself or c/lr, the share per step at a learning rate of 1. Between
    two conventions of the same quantity, the learning rate does not matter.

    Attributes:
        name: Its name.
        meaning: The update or the penalty that it is the coefficient of.
        formula: c as a formula of the coefficient.
        per_lr: Whether it fixes c/lr.
        needs: Which of `INPUTS` relate the coefficient to c or c/lr.
        share: Maps the coefficient and the inputs to c or c/lr.
        coefficient: The inverse of `share`.
    """

    name: str
    meaning: str
    formula: str
    per_lr: bool = False
    needs: tuple[str, ...] = ()
    share: Callable[[float, _Numbers], float] = _unchanged
    coefficient: Callable[[float, _Numbers], float] = _unchanged


def _root_of_steps(inputs: _Numbers) -> float:
    return math.sqrt(inputs["samples"] * inputs["epochs"] / inputs["batch_size"])


def _steps_per_epoch(inputs: _Numbers) -> float:
    return inputs["samples"] / inputs["batch_size"]


CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "l2",
            "loss + wd/2·Σθ² (torch's Adam)",
            "c = lr·wd",
            per_lr=True,
        ),
        Convention(
            "sum_of_squares",
            "loss + wd·Σθ²",
            "c = 2·lr·wd",
            per_lr=True,
            share=lambda wd, _: 2 * wd,
            coefficient=lambda share, _: share / 2,
        ),
        Convention(
            "decoupled",
            "θ ← θ − lr·wd·θ (torch's AdamW)",
            "c = lr·wd",
            per_lr=True,
        ),
        Convention(
            "independent",
            "θ ← θ − wd·θ (the paper's AdamW)",
            "c = wd",
        ),
        Convention(
            "fixed",
            "θ ← θ − wd·θ without schedule",
            "c = wd",
        ),
        Convention(
            "corrected",
            "θ ← θ − s_t²·lr·wd·θ (AdamC)",
            "c = lr·wd",
            per_lr=True,
        ),
        Convention(
            "normalized",
            "wd_norm of the paper",
            "c = wd·√(b/(B·T))",
            needs=("batch_size", "samples", "epochs"),
            share=lambda wd, inputs: wd / _root_of_steps(inputs),
            coefficient=lambda share, inputs: share * _root_of_steps(inputs),
        ),
        Convention(
            "time_scale_steps",
            "time scale 1/(lr·wd) in steps",
            "c = 1/steps",
            share=lambda steps, _: 1 / steps,
            coefficient=lambda share, _: 1 / share,
        ),
        Convention(
            "time_scale_epochs",
            "time scale 1/(lr·wd) in epochs",
            "c = b/(B·epochs)",
            needs=("batch_size", "samples"),
            share=lambda epochs, inputs: 1 / (epochs * _steps_per_epoch(inputs)),
            coefficient=lambda share, inputs: 1 / (share * _steps_per_epoch(inputs)),
        ),
    )
}


@dataclass(frozen=True)
class Conversion:
    """A coefficient in one convention.

    Attributes:
        convention: The convention.
        value: The coefficient; None if an input is missing.
        missing: The missing inputs.
    """

    convention: Convention
    value: float | None
    missing: tuple[str, ...] = ()


def convention_named(name: str) -> Convention:
    """Return a convention.

    Raises:
        ConfigError: If there is none of this name.
    """
    if name not in CONVENTIONS:
        raise ConfigError(
            f"There is no convention {name!r}.{nearest(name, CONVENTIONS)} "
            f"The conventions are {', '.join(CONVENTIONS)}; the couplings none and norm have no "
            f"coefficient."
        )
    return CONVENTIONS[name]


def conversions(wd: float, source: str, inputs: Mapping[str, float | None]) -> list[Conversion]:
    """Convert a coefficient to every convention for which the inputs suffice.

    Args:
        wd: The coefficient.
        source: Its convention.
        inputs: Values of `INPUTS`; None for those that are unknown.

    Raises:
        ConfigError: If the convention does not exist, or a number or a result is not positive and
            finite.
    """
    origin = convention_named(source)
    known = _checked({"wd": wd, **inputs})
    return [_conversion(wd, origin, result, known) for result in CONVENTIONS.values()]


def convert(
    wd: float,
    source: str,
    target: str,
    *,
    lr: float | None = None,
    batch_size: float | None = None,
    samples: float | None = None,
    epochs: float | None = None,
) -> float:
    """Convert a coefficient of weight decay from one convention to another.

    In each convention, the coefficient fixes the share c by which one step shrinks the weights
    where the schedule's multiplier is 1, and equal c are equivalent:

    - ``l2``: loss + wd/2·Σθ², as in torch's SGD and Adam; c = lr·wd.
    - ``sum_of_squares``: loss + wd·Σθ²; c = 2·lr·wd.
    - ``decoupled``: θ ← θ − lr·wd·θ, as in torch's AdamW and optax; c = lr·wd.
    - ``independent``: θ ← θ − wd·θ (Loshchilov & Hutter 2019, Algorithms 1 and 2); c = wd.
    - ``fixed``: the same without the schedule's multiplier; c = wd.
    - ``corrected``: the square of the multiplier, as in AdamC (Defazio 2025, arXiv 2506.02285);
      c = lr·wd.
    - ``normalized``: wd_norm of the same paper, appendix B.1; c = wd_norm·√(b/(B·T)).
    - ``time_scale_steps``: 1/c, the number of steps over which the weights average (Wang &
      Aitchison 2024, arXiv 2405.13698).
    - ``time_scale_epochs``: the same in epochs, b/(B·c).

    ``l2`` and ``decoupled`` with the same coefficient are the same update only for SGD without
    momentum. ``fixed`` and ``corrected`` agree with the others where the multiplier is 1 only.

    Args:
        wd: The coefficient, or the time scale.
        source: Its convention.
        target: The convention of the result.
        lr: The learning rate; only needed between a convention with lr in c and one without it.
        batch_size: b; as `samples`, only needed for ``normalized`` and ``time_scale_epochs``.
        samples: B, the number of training examples.
        epochs: T; only needed for ``normalized``.

    Raises:
        ConfigError: If a convention does not exist, an input is missing, or a number or the result
            is not positive and finite.

    Examples:
        The paper's normalized decay of 0.025 as the weight decay of torch's AdamW:

        >>> round(convert(0.025, "normalized", "decoupled", lr=1e-3, batch_size=128,
        ...               samples=50_000, epochs=100), 4)
        0.1265
        >>> convert(0.01, "decoupled", "independent", lr=0.5)
        0.005
    """
    inputs = {"lr": lr, "batch_size": batch_size, "samples": samples, "epochs": epochs}
    origin, result = convention_named(source), convention_named(target)
    conversion = _conversion(wd, origin, result, _checked({"wd": wd, **inputs}))
    if conversion.value is None:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in conversion.missing)
        raise ConfigError(f"The conversion from {source} to {target} also needs {flags}.")
    return conversion.value


def _checked(numbers: Mapping[str, float | None]) -> dict[str, float]:
    """Return the numbers that are given."""
    given = {name: value for name, value in numbers.items() if value is not None}
    for name, value in given.items():
        if not (value > 0 and math.isfinite(value)):
            raise ConfigError(f"{name}={value:g}: should be a finite number greater than 0.")
    return given


def _conversion(wd: float, origin: Convention, result: Convention, inputs: _Numbers) -> Conversion:
    if origin == result:
        return Conversion(result, wd)
    needed = {*origin.needs, *result.needs}
    if origin.per_lr != result.per_lr:
        needed.add("lr")
    if missing := tuple(name for name in INPUTS if name in needed and name not in inputs):
        return Conversion(result, None, missing)
    share = origin.share(wd, inputs)
    if origin.per_lr and not result.per_lr:
        share *= inputs["lr"]
    elif result.per_lr and not origin.per_lr:
        share /= inputs["lr"]
    value = result.coefficient(share, inputs) if share else math.inf
    if not (value and math.isfinite(value)):
        raise ConfigError(
            f"wd={wd:g}: its value in the convention {result.name} is beyond the range of numbers."
        )
    return Conversion(result, value)
