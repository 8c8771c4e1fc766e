"""Fit the hyperparameters of a rule, such as decay rates and ε, to the updates of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from adamcmp.components.optimizers import Rule
from adamcmp.errors import ConfigError
from adamcmp.inspection.candidates import build_rule, specific_settings

#: Evaluations of one fit, beside those of derivatives.
_EVALUATIONS = 25

#: Maps a rule to the relative differences of its updates from those of the optimizer.
Residuals = Callable[[Rule], np.ndarray]


def fitted(rule: Rule, residuals: Residuals) -> Rule:
    """Return the rule with the hyperparameters for which the residuals are smallest.

    Numbers are rounded to three significant digits where that does not enlarge the residuals.

    Args:
        rule: The rule with the initial values.
        residuals: See `Residuals`.
    """
    fields = {name: getattr(rule, name) for name in sorted(rule.number_fields)}
    numbers = np.array([number for _, number in _numbers(fields)])
    scaled, names = _to_real(numbers), len(numbers)
    if not names:
        return rule

    def with_numbers(values: np.ndarray) -> Rule:
        return _with_fields(rule, _restored(fields, values.tolist()))

    def function(point: np.ndarray) -> np.ndarray:
        try:
            return residuals(with_numbers(_from_real(point, numbers)))
        except ConfigError:  # out of range
            return np.full_like(residuals(rule), 1e3)

    result = least_squares(function, scaled, max_nfev=_EVALUATIONS, x_scale=1.0, xtol=1e-14)
    best = _from_real(result.x, numbers)
    return with_numbers(_rounded(best, lambda values: _error(residuals, with_numbers, values)))


def _error(
    residuals: Residuals, with_numbers: Callable[[np.ndarray], Rule], values: np.ndarray
) -> float:
    try:
        return float(np.abs(residuals(with_numbers(values))).max())
    except ConfigError:
        return math.inf


def _rounded(values: np.ndarray, error: Callable[[np.ndarray], float]) -> np.ndarray:
    """Round each number where the error does not grow."""
    best = error(values)
    for i in range(len(values)):
        for digits in (1, 2, 3, 4):
            simple = values.copy()
            simple[i] = _simple(values[i], digits)
            if error(simple) <= 1.5 * best + 1e-12:
                values, best = simple, min(best, error(simple))
                break
    return values


def _simple(value: float, digits: int) -> float:
    """Return a number with few significant digits, of its distance to 1 if it is near 1."""
    if 0.9 < value < 1:
        return 1 - float(f"{1 - value:.{digits - 1}e}")
    return float(f"{value:.{digits - 1}e}")


def _to_real(numbers: np.ndarray) -> np.ndarray:
    """Map decay rates in (0, 1) by the logit and the size of other numbers by the logarithm."""
    sizes = np.where(numbers == 0, 1.0, np.abs(numbers))
    rates = np.where(_is_rate(numbers), numbers, 0.5)
    return np.asarray(np.where(_is_rate(numbers), np.log(rates / (1 - rates)), np.log(sizes)))


def _from_real(point: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Return the inverse of `_to_real`; signs and zeros are those of the initial numbers."""
    clipped = np.clip(point, -700, 700)
    rates, sizes = 1 / (1 + np.exp(-clipped)), np.exp(clipped)
    return np.asarray(np.where(_is_rate(initial), rates, np.sign(initial) * sizes))


def _is_rate(numbers: np.ndarray) -> np.ndarray:
    return np.asarray((numbers > 1e-4) & (numbers < 1))


def _numbers(fields: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in fields.items():
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float):
                yield name, number


def _restored(fields: dict[str, Any], numbers: list[float]) -> dict[str, Any]:
    """Return the fields with other numbers, in the order of `_numbers`."""
    remaining = iter(numbers)

    def replaced(value: Any) -> Any:
        return next(remaining) if isinstance(value, float) else value

    return {
        name: tuple(map(replaced, value)) if isinstance(value, tuple) else replaced(value)
        for name, value in fields.items()
    }


def _with_fields(rule: Rule, values: dict[str, Any]) -> Rule:
    return build_rule(rule.rule, rule.lr, {**specific_settings(rule), **values})
