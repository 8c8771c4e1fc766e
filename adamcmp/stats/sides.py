"""The two that are compared: the runs by which each is judged, and what pairs of them say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from adamcmp.stats import estimates
from adamcmp.stats.choice import chosen, measure_of, ranked
from adamcmp.stats.estimates import Estimate, Floats
from adamcmp.stats.luck import NONE, Luck, luck

#: Where no larger difference was seen, seeds are counted for this share of the interval's
#: half-width: smaller ones would take more than about six times the seeds.
UNSEEN = 0.5


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes:
        name: The optimizer's label, or what the user named.
        reported: Runs of its chosen setting, one a seed, by seed.
        fresh: Whether none of these seeds chose the setting.
        settings: How many it was chosen from.
        luck: What choosing can have done.
    """

    name: str
    reported: pd.DataFrame
    fresh: bool
    settings: int
    luck: Luck

    @classmethod
    def of(cls, name: str, runs: pd.DataFrame, metric: str) -> Side:
        """Choose among runs of one problem, not all of them failed.

        Raises:
            ConfigError: When there is no validation split to choose on.
        """
        runs = runs.assign(side=name)
        order, best = ranked(runs, "side"), chosen(runs, "side")
        reported = best.drop_duplicates("seed", keep="last").set_index("seed").sort_index()
        settings = int(order["settings"].iloc[0])
        return cls(name, reported, bool(best["fresh"].all()), settings, _luck(order, metric))

    @property
    def diverged(self) -> int:
        """How many of the reported runs did."""
        return int((self.reported["status"] == "diverged").sum())

    def ended(self, metric: str) -> pd.Series[float]:
        """Return a metric of the reported runs that have it, by seed."""
        return self.reported[metric].astype(float).dropna()


def _luck(order: pd.DataFrame, metric: str) -> Luck:
    """Return the luck of choosing among the settings that have a value on every seed."""
    validation = f"val_{measure_of(order)}"
    chooses = order[order["chooses"]]
    keys = [chooses["rank"], chooses["seed"].astype(int)]
    tables = [chooses[c].astype(float).groupby(keys).mean().unstack() for c in (validation, metric)]
    whole = tables[0].notna().all(axis=1) & tables[1].notna().all(axis=1)
    return luck(*(table[whole].to_numpy() for table in tables)) if whole.any() else NONE


@dataclass(frozen=True)
class Difference:
    """What two sides' values of a metric say, a minus b.

    Attributes:
        a: Values of a.
        b: Values of b; of the same seeds, in order, where `paired`.
        paired: Whether seeds are shared.
        found: The difference of means.
    """

    a: Floats
    b: Floats
    paired: bool
    found: Estimate

    @classmethod
    def of(cls, a: Side, b: Side, metric: str) -> Difference:
        """Pair by seed, where at least half the seeds of the side with fewer are shared."""
        x, y = a.ended(metric), b.ended(metric)
        shared, fewer = x.index.intersection(y.index), min(len(x), len(y))
        paired = fewer > 0 and len(shared) >= max(min(2, fewer), fewer / 2)
        if paired:
            x, y = x[shared], y[shared]
        values = x.to_numpy(), y.to_numpy()
        if not fewer:
            return cls(*values, False, estimates.NOTHING)
        if paired:
            return cls(*values, True, estimates.difference(values[0] - values[1]))
        return cls(*values, False, estimates.unpaired(*values))

    @property
    def n(self) -> int:
        """Shared seeds, or those of the side with fewer."""
        return min(len(self.a), len(self.b))

    @property
    def means(self) -> tuple[float, float]:
        """The two sides' means."""
        return tuple(float(x.mean()) if len(x) else float("nan") for x in (self.a, self.b))

    @property
    def effect(self) -> float:
        """Hedges' g_z where seeds are shared, else Hedges' g."""
        if not self.n:
            return float("nan")
        if self.paired:
            return float(estimates.paired_effect(self.a - self.b))
        return float(estimates.unpaired_effect(self.a, self.b))

    def needed(self, alpha: float) -> tuple[float, float]:
        """Return how many seeds in all would settle a difference, and which difference.

        Args:
            alpha: The level of the test.
        """
        settles = max(abs(self.found.value), UNSEEN * (self.found.high - self.found.value))
        if not np.isfinite(settles) or settles == 0 or self.n < 2:
            return float("nan"), float("nan")
        if self.paired:
            sd = estimates.spread(self.a - self.b)
        else:
            sd = np.sqrt(np.mean([np.var(x, ddof=1) for x in (self.a, self.b)]))
        seeds = estimates.seeds_for_power(float(settles / sd), alpha, 1 if self.paired else 2)
        return float(seeds), float(settles)

    def p_choice(self, a: Side, b: Side) -> float:
        """Return the p-value with an allowance for the luck of choosing.

        Of sides that are reported on fresh seeds the variance of choosing anew is added. Where a
        side is reported on the seeds that chose it, what luck gave it there is taken from the
        difference, as far as that makes it smaller.
        """
        lead = [0.0 if side.fresh else side.luck.optimism for side in (a, b)]
        anew = sum(side.luck.variance for side in (a, b) if side.fresh)
        sign = np.sign(self.found.value)
        left = max(0.0, sign * self.found.value - max(0.0, sign * (lead[0] - lead[1])))
        error = np.sqrt(self.found.error**2 + anew)
        return float(estimates.two_sided(left, error, self.found.df))


def wins(a: Side, b: Side, metric: str, paired: bool, higher: bool) -> dict[str, Any]:
    """Return the probability that a is better for a fresh seed, with Wilson's interval.

    Over shared seeds the share of them at which a is better; else the share of all pairs of runs
    (Mann & Whitney 1947), whose variance is at most that of a share of the smaller number of seeds
    (van Dantzig 1951). A tie is half; a run that diverged loses to one that ended.
    """
    values = [side.reported[metric].astype(float) * (-1 if higher else 1) for side in (a, b)]
    x, y = (v.fillna(np.inf) for v in values)
    if paired:
        shared = x.index.intersection(y.index)
        x, y = x[shared], y[shared]
        below, ties = (x < y).mean(), (x == y).mean()
    else:
        grid = x.to_numpy()[:, None], y.to_numpy()
        below, ties = (grid[0] < grid[1]).mean(), (grid[0] == grid[1]).mean()
    n = min(len(x), len(y))
    share, low, high = estimates.proportion((below + ties / 2) * n, n)
    return {"prob_better": float(share), "prob_low": float(low), "prob_high": float(high)}
