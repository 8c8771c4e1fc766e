"""Sweep functions in addition to those of Hydra's override grammar.

This module has no postponed annotations: Hydra checks arguments against a function's signature.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from adamcmp.config._hydra import ChoiceSweep
from adamcmp.errors import ConfigError

#: Maximum number of runs of a study. More are probably a typing error.
MAX_RUNS = 1_000_000
#: Maximum number of values of one override.
MAX_VALUES = 100_000

Number = int | float


def exact_range(start: Number, stop: Number | None = None, step: Number = 1) -> ChoiceSweep:
    """Sweep over start, start + step, …, without stop; with one argument, over 0, 1, …, start - 1.

    It replaces Hydra's ``range``, whose decimal fractions have rounding errors, and which sorts
    and casts its ends instead of its values.

    >>> exact_range(3).list, exact_range(0.1, 0.45, 0.1).list
    ([0, 1, 2], [0.1, 0.2, 0.3, 0.4])
    """
    first, last = (0, start) if stop is None else (start, stop)
    _check(step != 0, "range takes a step other than 0")
    spacing = _exact(step)
    n = math.ceil((_exact(last) - _exact(first)) / spacing)
    _check(n > 0, "range has no values, since its stop is not beyond its start")
    _check(n <= MAX_VALUES, f"range takes at most {MAX_VALUES:,} numbers, not {n:,}")
    numbers = [_exact(first) + i * spacing for i in range(n)]
    whole = all(isinstance(number, int) for number in (first, last, step))
    return ChoiceSweep(simple_form=True, list=[(int if whole else float)(x) for x in numbers])


def logspace(start: Number, stop: Number, n: int) -> ChoiceSweep:
    """Sweep over n numbers from start to stop, both included, in equal ratios.

    Numbers are rounded to 6 significant digits, so that one typed by hand is the same setting.

    >>> logspace(1e-3, 1e-1, 3).list
    [0.001, 0.01, 0.1]
    """
    _check(1 <= n <= MAX_VALUES, f"logspace takes 1 to {MAX_VALUES:,} numbers, not n={n}")
    _check(start > 0 and stop > 0, "logspace takes a start and a stop above 0")
    first, last = math.log10(_exact(start)), math.log10(_exact(stop))
    return _spaced(
        start, stop, n, lambda fraction: f"{10 ** (first + fraction * (last - first)):.6g}"
    )


def linspace(start: Number, stop: Number, n: int) -> ChoiceSweep:
    """Sweep over n numbers from start to stop, both included, in equal steps (to 12 digits).

    >>> linspace(0, 1, 5).list
    [0, 0.25, 0.5, 0.75, 1]
    """
    _check(1 <= n <= MAX_VALUES, f"linspace takes 1 to {MAX_VALUES:,} numbers, not n={n}")
    first, last = _exact(start), _exact(stop)
    return _spaced(
        start, stop, n, lambda fraction: f"{float(first + fraction * (last - first)):.12g}"
    )


def powers(base: Number, first: int, last: int) -> ChoiceSweep:
    """Sweep over base^first, base^(first + 1), …, base^last, each exact.

    >>> powers(2, -2, 1).list
    [0.25, 0.5, 1, 2]
    """
    _check(base > 0, "powers takes a base above 0")
    _check(first <= last, f"powers takes the lower exponent first: powers({base},{last},{first})")
    # Floats end at 2^1024 and 2^-1074; larger exponents would only take time.
    _check(max(-first, last) <= 1100, "powers takes exponents between -1100 and 1100")
    # A power of 0.1, for example, has rounding errors in floating point.
    exact = [_exact(base) ** exponent for exponent in range(first, last + 1)]
    try:
        numbers = [float(power) for power in exact]
    except OverflowError:
        raise ConfigError(f"{base}^{last} is too large for a number; lower the exponent") from None
    whole = isinstance(base, int)
    return ChoiceSweep(simple_form=True, list=[_as_int(n) if whole else n for n in numbers])


#: The functions by the names that overrides use.
SWEEP_FUNCTIONS: dict[str, Callable[..., ChoiceSweep]] = {
    "range": exact_range,
    "logspace": logspace,
    "linspace": linspace,
    "powers": powers,
}


def _spaced(start: Number, stop: Number, n: int, at: Callable[[Fraction], str]) -> ChoiceSweep:
    """Sweep over start, n - 2 numbers between, and stop; over start only for n = 1."""
    inner = [float(at(Fraction(i, n - 1))) for i in range(1, n - 1)]
    numbers: list[Any] = [start] if n == 1 else [start, *inner, stop]
    if isinstance(start, int) and isinstance(stop, int):
        numbers = [_as_int(number) for number in numbers]
    return ChoiceSweep(simple_form=True, list=numbers)


def _exact(number: Number) -> Fraction:
    """Return a number as the decimal fraction that was typed."""
    try:
        _check(math.isfinite(number), f"{number} is not a finite number")
    except OverflowError:
        raise ConfigError("numbers are at most 1.8e308") from None
    return Fraction(str(number))


def _as_int(number: float) -> Number:
    """Return a whole number as an int, the type of settings such as batch_size."""
    return int(number) if number == int(number) else number


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)
