"""The two that are compared: the runs by which each is judged, and what pairs of them say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import Estimate, Floats
from adamcmp.analysis.selection import measure_of, ranked, reported, setting_columns, short
from adamcmp.analysis.selection_bias import SelectionBias, luck

#: Where no larger difference was seen, seeds are counted for this share of the interval's
#: half-width: smaller ones would take more than about six times the seeds.
UNSEEN = 0.5


@dataclass(frozen=True)
class Arm:
    """One of the two that are compared.

    Attributes:
        name: The optimizer's label, or what the user named.
        reported: Runs of its chosen setting, one a seed, by seed.
        fresh: Whether none of these seeds chose the setting.
        setting: The chosen setting in words.
        settings: How many it was chosen from.
        order: The runs that it was chosen from, as `adamcmp.analysis.ranked` returns them.
    """

    name: str
    reported: pd.DataFrame
    fresh: bool
    setting: str
    settings: int
    order: pd.DataFrame

    @classmethod
    def of(cls, name: str, runs: pd.DataFrame) -> Arm:
        """Choose among runs of one problem, not all of them failed.

        Raises:
            ConfigError: When there is no validation split to choose on.
        """
        runs = runs.assign(side=name)
        order = ranked(runs, "side")
        best = reported(order, "side")
        by_seed = best.drop_duplicates("seed", keep="last").set_index("seed").sort_index()
        settings = int(order["settings"].iloc[0])
        first = best.iloc[0]
        setting = ", ".join(f"{c} {short(first[c])}" for c in setting_columns(runs))
        fresh = bool(best["fresh"].all())
        return cls(name, by_seed, fresh, setting, settings, order)

    @property
    def diverged(self) -> int:
        """How many of the reported runs did."""
        return int((self.reported["status"] == "diverged").sum())

    def ended(self, metric: str) -> pd.Series[float]:
        """Return a metric of the reported runs that have it, by seed."""
        return self.reported[metric].astype(float).dropna()

    def luck(self, metric: str) -> SelectionBias:
        """Return the luck of choosing among the settings that have a value on every seed."""
        validation = f"val_{measure_of(self.order)}"
        chooses = self.order[self.order["chooses"]]
        keys = [chooses["rank"], chooses["seed"].astype(int)]
        by_val, by_metric = (
            chooses[c].astype(float).groupby(keys).mean().unstack() for c in (validation, metric)
        )
        whole = by_val.notna().all(axis=1) & by_metric.notna().all(axis=1)
        alone = float(self.reported[validation].astype(float).std())
        return luck(by_val[whole].to_numpy(), by_metric[whole].to_numpy(), self.fresh, alone)


@dataclass(frozen=True)
class Difference:
    """What two arms' values of a metric say, a minus b.

    Attributes:
        a: Values of a.
        b: Values of b; of the same seeds, in order, where `paired`.
        paired: Whether enough seeds are shared to compare over those alone.
        found: The difference of means.
    """

    a: Floats
    b: Floats
    paired: bool
    found: Estimate

    @classmethod
    def of(cls, a: Arm, b: Arm, metric: str) -> Difference:
        """Pair by seed, where at least half the seeds of the side with fewer are shared, and two.

        A side's only seed counts as paired where it is shared.
        """
        x, y = a.ended(metric), b.ended(metric)
        shared, fewer = x.index.intersection(y.index), min(len(x), len(y))
        paired = fewer > 0 and len(shared) >= max(min(2, fewer), fewer / 2)
        if paired:
            x, y = x[shared], y[shared]
        first, second = (np.asarray(v, dtype=np.float64) for v in (x, y))
        if paired:
            found = estimates.difference(first - second)
        else:
            found = estimates.unpaired(first, second) if fewer else estimates.NOTHING
        return cls(first, second, paired, found)

    @property
    def n(self) -> int:
        """Shared seeds, or those of the side with fewer."""
        return min(len(self.a), len(self.b))

    @property
    def means(self) -> tuple[float, float]:
        """The two arms' means."""
        mean_a, mean_b = (float(x.mean()) if len(x) else float("nan") for x in (self.a, self.b))
        return mean_a, mean_b

    @property
    def effect(self) -> float:
        """Hedges' g_z where seeds are paired, else Hedges' g."""
        if not self.n:
            return float("nan")
        if self.paired:
            return float(estimates.paired_effect(self.a - self.b))
        return float(estimates.unpaired_effect(self.a, self.b))

    def needed(self, alpha: float, seen: float, choice: float) -> tuple[float, float]:
        """Return how many seeds in all would settle a difference, and which difference.

        Args:
            alpha: The level of the test.
            seen: The size of the difference that was seen.
            choice: Variance of choosing settings anew, which more seeds of these do not change.
        """
        if np.isnan(self.found.error):
            return float("nan"), float("nan")
        settles = max(seen, UNSEEN * float(self.found.high - self.found.value))
        if self.paired:
            sd = estimates.spread(self.a - self.b)
        else:
            sd = np.sqrt(np.mean([np.var(x, ddof=1) for x in (self.a, self.b)]))
        size, groups = float(settles / sd), 1 if self.paired else 2
        return estimates.seeds_for_power(size, alpha, groups, float(choice / sd**2)), settles


def wins(a: Arm, b: Arm, metric: str, paired: bool, higher: bool) -> dict[str, Any]:
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
