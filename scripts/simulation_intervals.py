"""Coverage of candidate 95 % intervals on simulated values with a known mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats

from adamcmp.analysis import estimates
from adamcmp.storage import reader
from simulation_noise import NOISES, Floats, Rng, markdown, percent

SEEDS = (5, 10, 20)
#: The study whose runs `coverage_of_real_runs` draws from.
STUDY = Path(__file__).parent.parent / "results" / "decoupling"
BOOTSTRAPS = 400
#: What is added to values before their logarithm is taken, in standard deviations.
OFFSET = 5.0
#: The second optimizer's noise relative to the first one's; None: a single optimizer.
KINDS = {"paired": 1.0, "one noisier": 0.3, "single": None}

Ends = tuple[Floats, Floats]


def _student(values: Floats) -> Ends:
    estimate = estimates.mean(values)
    return estimate.low, estimate.high


def _willink(values: Floats) -> Ends:
    """Return Student's interval corrected for skewness.

    Willink (2005), Communications in Statistics 34(4), 753-766: the cubic transformation of Hall
    (1992), JRSS B 54(1), 221-228, inverted at quantiles of t.
    """
    n, student = values.shape[-1], estimates.mean(values)
    third = ((values - student.value[..., None]) ** 3).sum(axis=-1) * n / ((n - 1) * (n - 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        skew = third / (6 * n**2 * student.error**3)  # Willink's a
        quantiles = stats.t.ppf([0.975, 0.025], n - 1)
        low, high = (
            student.value - student.error * (np.cbrt(1 + 6 * skew * (q - skew)) - 1) / (2 * skew)
            for q in quantiles
        )
    return low, high


def _johnson(values: Floats) -> Ends:
    """Return Student's interval shifted for skewness (Johnson 1978, JASA 73, 536-544)."""
    n = values.shape[-1]
    third = ((values - values.mean(-1, keepdims=True)) ** 3).mean(-1)
    shift = third / (6 * values.var(-1, ddof=1) * n)
    low, high = _student(values)
    return low + shift, high + shift


def _logarithms(values: Floats) -> Ends:
    low, high = _student(np.log(np.maximum(values + OFFSET, 0.01)))
    return np.exp(low) - OFFSET, np.exp(high) - OFFSET


def _wilcoxon(values: Floats) -> Ends:
    """Return the values that Wilcoxon's signed-rank test accepts: ordered Walsh averages."""
    n = values.shape[-1]
    first, second = np.triu_indices(n)
    averages = np.sort((values[..., first] + values[..., second]) / 2, axis=-1)
    counts = np.ones(1)
    for rank in range(1, n + 1):
        counts = np.pad(counts, (0, rank)) + np.pad(counts, (rank, 0))
    cut = max(int((np.cumsum(counts) / 2**n <= 0.025).sum()), 1)
    return averages[..., cut - 1], averages[..., -cut]


def bootstraps(rng: Rng, values: Floats) -> dict[str, Ends]:
    """Return percentile, BCa and studentized bootstrap intervals (Efron & Tibshirani 1993)."""
    studies, n = values.shape
    drawn = rng.integers(n, size=(studies, BOOTSTRAPS, n), dtype=np.int8)
    resampled = np.take_along_axis(values[:, None], drawn, axis=-1)
    mean, means = values.mean(-1), resampled.mean(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(
            (means - mean[:, None]) / resampled.std(-1, ddof=1), posinf=1e9, neginf=-1e9
        )
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
    deviations = (values - mean) / (n - 1)  # of the jackknife
    acceleration = (deviations**3).sum(-1) / (6 * (deviations**2).sum(-1) ** 1.5)
    ordered = np.sort(means, axis=-1)
    ends = []
    for z in (-1.96, 1.96):
        place = special.ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))) * count
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
    """Return simulated values with mean 0: of one optimizer, or differences of two."""
    other = KINDS[kind]
    values = NOISES[noise](rng, shape)
    return values if other is None else values - other * NOISES[noise](rng, shape)


def coverage(studies: int, kind: str) -> str:
    """Return a table of coverage in percent, with the width relative to Student's in brackets."""
    shares: dict[str, dict[str, object]] = {}
    for noise in NOISES:
        for n in SEEDS:
            rng = np.random.default_rng([n, *noise.encode()])
            values = sample(rng, noise, kind, (studies, n))
            intervals = {name: candidate(values) for name, candidate in CANDIDATES.items()}
            intervals |= bootstraps(rng, values[: studies // 8])
            student = np.median(np.subtract(*intervals["Student's t"][::-1]))
            for name, (low, high) in intervals.items():
                if name == "t of logarithms" and KINDS[kind] is not None:
                    continue  # differences may be negative
                row = shares.setdefault(name, {"interval": name})
                row[f"{noise}, {n}"] = percent(((low <= 0) & (high >= 0)).mean())
                if noise == "normal":
                    width = np.median(high - low) / student
                    row[f"{noise}, {n}"] = f"{row[f'{noise}, {n}']} ({width:.2f})"
    return markdown(shares.values())


def coverage_of_real_runs(studies: int) -> str:
    """Return a table of coverage of means of trained runs, and of the widths of intervals.

    Values are drawn with replacement from the seeds of the best settings of `STUDY`, so their mean
    is known. Coverage is the lowest of the four optimizers, in percent; in brackets
    is the 99th percentile of widths relative to the median of Student's.
    """
    runs = reader.load(STUDY)[0]
    by_setting = [g for _, g in runs.groupby(["optimizer", "lr", "wd"]) if len(g) > max(SEEDS)]
    rows = []
    for metric in ("test_error", "test_loss", "train_loss"):
        for name, candidate in (("Student's t", _student), ("Willink", _willink)):
            row: dict[str, object] = {"metric": metric.replace("_", " "), "interval": name}
            for n in SEEDS:
                shares = [_real_coverage(g[metric], candidate, n, studies) for g in by_setting]
                covered, width = min(c for c, _ in shares), max(w for _, w in shares)
                row[f"{n} seeds"] = f"{percent(covered)} ({width:.1f})"
            rows.append(row)
    return markdown(rows)


def _real_coverage(
    population: pd.Series[float], candidate: Callable[[Floats], Ends], n: int, studies: int
) -> tuple[float, float]:
    """Return the coverage of the population's mean, and the relative width of wide intervals."""
    values = np.random.default_rng(n).choice(population.to_numpy(float), (studies, n))
    mean = population.mean()
    (low, high), (student_low, student_high) = candidate(values), _student(values)
    width = np.nanquantile(high - low, 0.99) / np.nanmedian(student_high - student_low)
    return float(((low <= mean) & (mean <= high)).mean()), float(width)


def proportions() -> str:
    """Return a table of the exact coverage of intervals of a proportion, in percent."""
    rows = []
    for n in SEEDS:
        successes = np.arange(n + 1)
        share = successes / n
        wald = 1.96 * np.sqrt(share * (1 - share) / n)
        exact = [stats.binomtest(int(k), n).proportion_ci(method="exact") for k in successes]
        intervals = {
            "Wilson": estimates.proportion(successes, n)[1:],
            "Clopper-Pearson": (
                np.array([e.low for e in exact]),
                np.array([e.high for e in exact]),
            ),
            "Wald": (share - wald, share + wald),
        }
        for name, (low, high) in intervals.items():
            row: dict[str, object] = {"seeds": n, "interval": name}
            for truth in (0.5, 0.7, 0.9):
                covers = (low <= truth) & (truth <= high)
                row[f"truth {truth}"] = percent(stats.binom.pmf(successes, n, truth)[covers].sum())
            rows.append(row)
    return markdown(rows)
