"""How often 95 % intervals hold the truth: the candidates side by side."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special, stats

from adamcmp.analysis import estimates
from simulation_noise import NOISES, Floats, Rng, markdown, percent

SEEDS = (5, 10, 20)
BOOTSTRAPS = 400
#: How far the truth lies above 0 for the interval of logarithms, in standard deviations.
LEVEL = 5.0
#: The second optimizer's standard deviation beside the first one's; None: no second.
KINDS = {"paired": 1.0, "one noisier": 0.3, "single": None}

Ends = tuple[Floats, Floats]


def _student(values: Floats) -> Ends:
    found = estimates.difference(values)
    return found.low, found.high


def _willink(values: Floats) -> Ends:
    found = estimates.mean(values)
    return found.low, found.high


def _johnson(values: Floats) -> Ends:
    """Johnson (1978), JASA 73, 536-544: Student's interval, moved."""
    n = values.shape[-1]
    third = ((values - values.mean(-1, keepdims=True)) ** 3).mean(-1)
    shift = third / (6 * values.var(-1, ddof=1) * n)
    low, high = _student(values)
    return low + shift, high + shift


def _logarithms(values: Floats) -> Ends:
    low, high = _student(np.log(np.maximum(values + LEVEL, 0.01)))
    return np.exp(low) - LEVEL, np.exp(high) - LEVEL


def _wilcoxon(values: Floats) -> Ends:
    """The values that Wilcoxon's signed-rank test does not reject: ordered Walsh averages."""
    n = values.shape[-1]
    first, second = np.triu_indices(n)
    averages = np.sort((values[..., first] + values[..., second]) / 2, axis=-1)
    counts = np.ones(1)
    for rank in range(1, n + 1):
        counts = np.pad(counts, (0, rank)) + np.pad(counts, (rank, 0))
    cut = max(int((np.cumsum(counts) / 2**n <= 0.025).sum()), 1)
    return averages[..., cut - 1], averages[..., -cut]


def _bootstraps(rng: Rng, values: Floats) -> dict[str, Ends]:
    """The percentile, BCa and studentized bootstraps (Efron & Tibshirani 1993)."""
    studies, n = values.shape
    drawn = rng.integers(n, size=(studies, BOOTSTRAPS, n), dtype=np.int8)
    again = np.take_along_axis(values[:, None], drawn, axis=-1)
    mean, means = values.mean(-1), again.mean(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num((means - mean[:, None]) / again.std(-1, ddof=1), posinf=1e9, neginf=-1e9)
    below, above = np.quantile(t, [0.025, 0.975], axis=1) * values.std(-1, ddof=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    return {
        "percentile bootstrap": (low, high),
        "BCa bootstrap": _bca(values, means),
        "bootstrap-t": (mean - above, mean - below),
    }


def _bca(values: Floats, means: Floats) -> Ends:
    n, count = values.shape[-1], means.shape[-1]
    mean = values.mean(-1, keepdims=True)
    below = (means < mean).mean(-1) + (means == mean).mean(-1) / 2
    bias = special.ndtri(np.clip(below, 1 / count, 1 - 1 / count))
    away = (values - mean) / (n - 1)  # the jackknife's deviations
    bend = (away**3).sum(-1) / (6 * (away**2).sum(-1) ** 1.5)
    ordered = np.sort(means, axis=-1)
    ends = []
    for z in (-1.96, 1.96):
        place = special.ndtr(bias + (bias + z) / (1 - bend * (bias + z))) * count
        index = np.clip(place.astype(int), 0, count - 1)[:, None]
        ends.append(np.take_along_axis(ordered, index, axis=-1)[:, 0])
    return ends[0], ends[1]


CANDIDATES: dict[str, Callable[[Floats], Ends]] = {
    "Student's t": _student,
    "Willink": _willink,
    "Johnson": _johnson,
    "t of logarithms": _logarithms,
    "Wilcoxon, inverted": _wilcoxon,
}


def sample(rng: Rng, noise: str, kind: str, shape: tuple[int, ...]) -> Floats:
    """Return simulated values whose true mean is 0: of one optimizer, or differences of two."""
    other = KINDS[kind]
    values = NOISES[noise](rng, shape)
    return values if other is None else values - other * NOISES[noise](rng, shape)


def coverage(studies: int, kind: str) -> str:
    """Return the table of one kind: coverage in percent, and width beside Student's."""
    shares: dict[str, dict[str, object]] = {}
    for noise in NOISES:
        for n in SEEDS:
            rng = np.random.default_rng([n, *noise.encode()])
            values = sample(rng, noise, kind, (studies, n))
            found = {name: candidate(values) for name, candidate in CANDIDATES.items()}
            found |= _bootstraps(rng, values[: studies // 8])
            usual = np.median(np.subtract(*found["Student's t"][::-1]))
            for name, (low, high) in found.items():
                if name == "t of logarithms" and KINDS[kind] is not None:
                    continue  # differences have no logarithms
                row = shares.setdefault(name, {"interval": name})
                row[f"{noise}, {n}"] = percent(((low <= 0) & (high >= 0)).mean())
                if noise == "normal":
                    width = np.median(high - low) / usual
                    row[f"{noise}, {n}"] = f"{row[f'{noise}, {n}']} ({width:.2f})"
    return markdown(shares.values())


def proportions() -> str:
    """Return the exact coverage of intervals of a proportion, in percent."""
    rows = []
    for n in SEEDS:
        wins = np.arange(n + 1)
        share = wins / n
        wald = 1.96 * np.sqrt(share * (1 - share) / n)
        exact = [stats.binomtest(int(k), n).proportion_ci(method="exact") for k in wins]
        found = {
            "Wilson": estimates.proportion(wins, n)[1:],
            "Clopper-Pearson": (
                np.array([e.low for e in exact]),
                np.array([e.high for e in exact]),
            ),
            "Wald": (share - wald, share + wald),
        }
        for name, (low, high) in found.items():
            row: dict[str, object] = {"seeds": n, "interval": name}
            for truth in (0.5, 0.7, 0.9):
                held = (low <= truth) & (truth <= high)
                row[f"truth {truth}"] = percent(stats.binom.pmf(wins, n, truth)[held].sum())
            rows.append(row)
    return markdown(rows)
