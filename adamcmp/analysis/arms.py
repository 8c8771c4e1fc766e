"""The two arms of a comparison: their selected settings, and the difference between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from adamcmp.analysis import estimates
from adamcmp.analysis.estimates import Estimate, Floats
from adamcmp.analysis.example_variance import ExamplePart, with_examples
from adamcmp.analysis.labels import GROUP, format_value, setting_columns
from adamcmp.analysis.metrics import measure_of
from adamcmp.analysis.outcomes import examples_of_difference
from adamcmp.analysis.power import seeds_for_power
from adamcmp.analysis.run_table import RunTable, has_paired_seeds
from adamcmp.analysis.selection import shared_seeds
from adamcmp.analysis.selection_bias import SelectionBias, selection_bias

#: The smallest difference for which `seeds_needed` is computed, as a share of the interval's
#: half-width. Half of that difference would need more than about six times the seeds.
MIN_DETECTABLE = 0.5


@dataclass(frozen=True)
class Arm:
    """One arm of a comparison, at its selected setting.

    Attributes:
        name: The optimizer's label, or the user's conditions.
        reported: Runs of the selected setting, one per seed, indexed by seed.
        fresh: Whether none of these seeds took part in the selection.
        setting: The selected setting as text.
        settings: The number of settings it was selected from.
        ranked: The runs of all these settings, as `RunTable.ranked` returns them.
        measure: The measure of the selection: ``error`` or ``loss``.
        table: The table that the runs are from.
    """

    name: str
    reported: pd.DataFrame
    fresh: bool
    setting: str
    settings: int
    ranked: pd.DataFrame
    measure: str
    table: RunTable

    @classmethod
    def select(cls, name: str, table: RunTable) -> Arm:
        """Select the setting of an arm, which has all runs of a table, on validation.

        Args:
            name: The arm's name.
            table: Runs of one problem, not all of them failed.

        Raises:
            ConfigError: If there are several settings but no validation split.
        """
        table = table.with_runs(table.runs.assign(arm=name))
        ranked, selected = table.ranked("arm"), table.selected("arm")
        return cls._of(name, ranked, selected, table.setting_columns, table)

    @classmethod
    def of_optimizers(cls, table: RunTable) -> list[Arm]:
        """Return an arm for each optimizer of which not all runs failed.

        Args:
            table: Runs of one problem.

        Raises:
            ConfigError: If there are several settings but no validation split.
        """
        varied = table.runs[[*GROUP, *table.setting_columns]].groupby("optimizer", sort=False)
        ranked, selected = (
            runs.groupby("optimizer", sort=False) for runs in (table.ranked(), table.selected())
        )
        return [
            cls._of(
                str(name),
                settings,
                selected.get_group(name),
                setting_columns(varied.get_group(name)),
                table,
            )
            for name, settings in ranked
        ]

    @classmethod
    def _of(
        cls,
        name: str,
        ranked: pd.DataFrame,
        selected: pd.DataFrame,
        columns: list[str],
        table: RunTable,
    ) -> Arm:
        """Return an arm from its ranked runs, the reported ones and the columns that varied."""
        by_seed = selected.drop_duplicates("seed", keep="last").set_index("seed").sort_index()
        first = selected.iloc[0]
        setting = ", ".join(f"{c} {format_value(first[c])}" for c in columns)
        settings = int(ranked["settings"].iloc[0])
        fresh = bool(selected["fresh"].all())
        return cls(name, by_seed, fresh, setting, settings, ranked, measure_of(ranked), table)

    @property
    def diverged(self) -> int:
        """The number of reported runs that diverged."""
        return int((self.reported["status"] == "diverged").sum())

    def values(self, metric: str) -> pd.Series[float]:
        """Return a metric of the reported runs that have it, by seed."""
        return self.reported[metric].astype(float).dropna()

    def selection_bias(self, metric: str) -> SelectionBias:
        """Estimate the selection bias over the settings that have a value for every seed."""
        validation, test = f"val_{self.measure}", f"test_{self.measure}"
        runs = self.ranked[self.ranked["selection_seed"]]
        keys = [runs["rank"], runs["seed"].astype(int)]
        columns = list(dict.fromkeys([validation, test, metric]))
        means = runs[columns].astype(float).groupby(keys).mean()
        by_setting = {column: means[column].unstack() for column in columns}
        required = (by_setting[column].notna().all(axis=1) for column in (validation, metric))
        complete = np.logical_and.reduce(list(required))
        arrays = (by_setting[column][complete].to_numpy() for column in (validation, test, metric))
        of_all_settings = shared_seeds(self.ranked["seed"], self.ranked["rank"])
        return selection_bias(
            *arrays,
            fresh=self.fresh,
            candidates=not of_all_settings.issuperset(runs["seed"]),
            single_setting_sd=float(self.reported[validation].astype(float).std()),
        )


@dataclass(frozen=True)
class Difference:
    """The difference of a metric between two arms, a minus b.

    Attributes:
        a: Values of a, shape (seeds of a,).
        b: Values of b; if `paired`, of the same seeds in the same order.
        paired: Whether the arms share enough seeds to be compared on shared seeds only.
        over_seeds: The difference of the means, with an interval over seeds.
        examples: The part of the test examples in its variance; None if the outcomes of the runs on
            each example are unknown.
    """

    a: Floats
    b: Floats
    paired: bool
    over_seeds: Estimate
    examples: ExamplePart | None

    @classmethod
    def between(cls, a: Arm, b: Arm, metric: str) -> Difference:
        """Compare two arms on a metric.

        Seeds on which both arms have a value are paired if they are enough: see `are_paired`.
        """
        x, y = a.values(metric), b.values(metric)
        fewer = min(len(x), len(y))
        paired = are_paired(a, b, x.index, y.index)
        if paired:
            shared = x.index.intersection(y.index)
            x, y = x[shared], y[shared]
        first, second = (np.asarray(v, dtype=np.float64) for v in (x, y))
        if paired:
            estimate = estimates.mean(first - second)
        elif fewer:
            estimate = estimates.unpaired_difference(first, second)
        else:
            estimate = estimates.NO_ESTIMATE
        ids_a, ids_b = (arm.reported.loc[v.index, "run_id"] for arm, v in ((a, x), (b, y)))
        examples = examples_of_difference(a.table, ids_a, ids_b, metric, paired) if fewer else None
        return cls(first, second, paired, estimate, examples)

    @cached_property
    def required_estimates(self) -> tuple[Estimate, ...]:
        """The difference of the means over seeds only and, if it is known, also over examples.

        The second one alone claims too much with few seeds: if their variance happens to be small,
        Satterthwaite's degrees of freedom are too many. Therefore both have to be significant.
        """
        if self.examples is None:
            return (self.over_seeds,)
        return self.over_seeds, with_examples(self.over_seeds, self.examples)

    @cached_property
    def estimate(self) -> Estimate:
        """The difference of the means, with the wider interval of `required_estimates`."""
        return max(
            self.required_estimates, key=lambda estimate: float(estimate.high - estimate.low)
        )

    @property
    def is_constant(self) -> bool:
        """Whether the difference is the same on all of several paired seeds, and not 0."""
        if not self.paired or self.n < 2 or np.allclose(self.a, self.b, rtol=1e-12, atol=0):
            return False
        return bool(np.isnan(self.estimate.error))

    @property
    def p_value(self) -> float:
        """The p-value of no difference: Student's or Welch's test.

        A constant difference has no standard error over seeds. It has the p-value of the sign test,
        which is exact: all differences have the same sign with probability 2^(1 - n). If that of
        the test examples is larger, it has that one.
        """
        if not self.is_constant:
            return max(float(estimate.p_value) for estimate in self.required_estimates)
        error = np.sqrt(self.examples.variance) if self.examples else 0.0
        by_examples = estimates.two_sided(self.estimate.value, error, np.inf)
        return max(2.0 ** (1 - self.n), float(by_examples))

    @property
    def n(self) -> int:
        """The number of shared seeds; if not paired, the smaller number of seeds."""
        return min(len(self.a), len(self.b))

    @property
    def means(self) -> tuple[float, float]:
        """The means of the two arms."""
        mean_a, mean_b = (float(x.mean()) if len(x) else float("nan") for x in (self.a, self.b))
        return mean_a, mean_b

    @property
    def effect_size(self) -> float:
        """Hedges' g_z if seeds are paired, else Hedges' g."""
        if not self.n:
            return float("nan")
        if self.paired:
            return float(estimates.paired_effect_size(self.a - self.b))
        return float(estimates.unpaired_effect_size(self.a, self.b))

    def seeds_needed(
        self, alpha: Callable[[int], float], observed: float, selection_variance: float
    ) -> tuple[float, float]:
        """Return the total number of seeds that would detect a difference, and that difference.

        Args:
            alpha: The level of a test with some number of seeds.
            observed: The size of the observed difference.
            selection_variance: Variance due to the selection of settings. Like that of the test
                examples, it is not reduced by more evaluation seeds.
        """
        if self.is_constant:
            return float(next(n for n in count(2) if 2.0 ** (1 - n) <= alpha(n))), observed
        if np.isnan(self.estimate.error):
            return float("nan"), float("nan")
        half_width = float(self.estimate.high - self.estimate.value)
        target = max(observed, MIN_DETECTABLE * half_width)
        if self.paired:
            sd = estimates.standard_deviation(self.a - self.b)
        else:
            # The number of seeds is computed for equal groups, whose variance is the mean of both.
            sd = np.sqrt(np.mean([np.var(x, ddof=1) for x in (self.a, self.b)]))
        size, groups = float(target / sd), 1 if self.paired else 2
        constant = selection_variance + (self.examples.variance if self.examples else 0.0)
        return seeds_for_power(size, alpha, groups, float(constant / sd**2)), target


def are_paired(a: Arm, b: Arm, x: pd.Index[int], y: pd.Index[int]) -> bool:
    """Return whether two arms share enough seeds to be compared seed by seed.

    Seeds are paired if the arms share at least two of them, and at least half of the seeds of the
    arm with fewer. If an arm has one seed, it is paired if the other arm has this seed. Equal seeds
    of imported runs are paired only if the import says that they share weights and batches.

    Args:
        a: One arm.
        b: The other arm.
        x: Seeds of a.
        y: Seeds of b.
    """
    shared, fewer = len(x.intersection(y)), min(len(x), len(y))
    comparable = all(has_paired_seeds(arm.reported).all() for arm in (a, b))
    return comparable and fewer > 0 and shared >= max(min(2, fewer), fewer / 2)


def probability_of_improvement(
    a: Arm, b: Arm, metric: str, paired: bool, higher: bool
) -> dict[str, Any]:
    """Estimate the probability that a is better than b for a new seed, with Wilson's interval.

    If seeds are paired, it is the share of shared seeds at which a is better; else the share of
    all pairs of runs (Mann & Whitney 1947), whose variance is at most that of a share of the
    smaller number of seeds (van Dantzig 1951). A tie counts as half; a diverged run is worse than
    any completed one.

    Args:
        a: One arm.
        b: The other arm.
        metric: The metric to compare.
        paired: Whether seeds are paired.
        higher: Whether larger values are better.

    Returns:
        ``prob_better``, ``prob_low``, ``prob_high``.
    """
    values = [arm.reported[metric].astype(float) * (-1 if higher else 1) for arm in (a, b)]
    # A diverged run is worse than any completed one, and ties with another diverged one.
    x, y = (v.fillna(np.inf) for v in values)
    if paired:
        shared = x.index.intersection(y.index)
        x, y = x[shared], y[shared]
        better, ties = (x < y).mean(), (x == y).mean()
    else:
        grid = x.to_numpy()[:, None], y.to_numpy()
        better, ties = (grid[0] < grid[1]).mean(), (grid[0] == grid[1]).mean()
    n = min(len(x), len(y))
    share, low, high = estimates.proportion((better + ties / 2) * n, n)
    return {"prob_better": float(share), "prob_low": float(low), "prob_high": float(high)}
