"""Noise distributions of simulated runs, and formatting of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

Floats = npt.NDArray[np.float64]
Rng = np.random.Generator


def _lognormal(rng: Rng, shape: tuple[int, ...]) -> Floats:
    sigma = 0.5
    spread = np.sqrt((np.exp(sigma**2) - 1) * np.exp(sigma**2))
    return (np.exp(sigma * rng.standard_normal(shape)) - np.exp(sigma**2 / 2)) / spread


def _bad_seeds(rng: Rng, shape: tuple[int, ...]) -> Floats:
    share, shift = 0.1, 4.0
    values = rng.standard_normal(shape) + shift * (rng.random(shape) < share)
    return (values - share * shift) / np.sqrt(1 + shift**2 * share * (1 - share))


#: Noise of mean 0 and variance 1.
NOISES: dict[str, Callable[[Rng, tuple[int, ...]], Floats]] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "lognormal": _lognormal,
    "exponential": lambda rng, shape: rng.standard_exponential(shape) - 1,
    "bad seeds": _bad_seeds,
}


def markdown(rows: Iterable[dict[str, object]]) -> str:
    """Return rows as a Markdown table."""
    return tabulate(list(rows), headers="keys", tablefmt="github", disable_numparse=True)


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.1f}"
