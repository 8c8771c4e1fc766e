"""Tuning curves: the expected error of the best of k random trials.

A *trial* is one run at a setting drawn at random, without replacement, from those of the study: the
cells of a grid, or the draws of a random search. The best of k trials is selected on validation and
reported on test. Within a seed the expectation over all draws is exact.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from adamcmp.analysis import estimates
from adamcmp.analysis.aggregation import ESTIMATE_COLUMNS, mean_over_seeds
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.labels import GROUP
from adamcmp.analysis.measures.measure import Measure, column_headings
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.setting_matrix import setting_matrices
from adamcmp.analysis.wording import display_name, join_names, metric_phrase


def expected_best(val: Floats, test: Floats) -> Floats:
    """Return the expected test value of the best on validation of k settings, for every k.

    The i-th best of S settings is the best of k drawn without replacement with probability
    C(S − i, k − 1) / C(S, k). This is unbiased for k further draws from the same distribution
    (Tang et al. 2020, "Showing Your Work Doesn't Always Work", arXiv 2004.13705); drawing with
    replacement (Dodge et al. 2019, "Show Your Work", arXiv 1909.03004) is pessimistic. Settings
    that tie on validation are selected equally often.

    >>> expected_best(np.array([0.3, 0.1, 0.2]), np.array([0.5, 0.2, 0.3])).round(3).tolist()
    [0.333, 0.233, 0.2]

    Args:
        val: Shape (settings,); lower is better.
        test: Shape (settings,).

    Returns:
        Shape (settings,): the values for k = 1, 2, ….
    """
    tied_means = pd.Series(test).groupby(val).transform("mean").to_numpy()
    ordered = tied_means[np.argsort(val, kind="stable")]
    size = len(val)
    worse = np.arange(size, -1, -1.0)  # how many settings are worse than the i-th best, i = 0 …
    all_worse = worse / size  # probability that all k draws are among them, for k = 1
    expected = np.empty(size)
    for k in range(1, size + 1):
        expected[k - 1] = -np.diff(all_worse) @ ordered
        if k < size:
            all_worse *= np.maximum(worse - k, 0) / (size - k)
    return expected


def curves_by_seed(table: RunTable) -> pd.DataFrame:
    """Return the tuning curve of each seed.

    Diverged runs count as trials, penalized as in `adamcmp.analysis.setting_matrix`. Optimizers
    with several settings and no validation measure are left out.

    Returns:
        Columns problem, optimizer, seed, k, value.
    """
    columns = [*GROUP, "seed", "k", "value"]
    curves = [pd.DataFrame(columns=columns)]
    for matrix in setting_matrices(table):
        for column, seed in enumerate(matrix.seeds):
            values = expected_best(matrix.val[:, column], matrix.test[:, column])
            curve = pd.DataFrame({"k": np.arange(len(values)) + 1, "value": values})
            curve = curve.assign(problem=matrix.problem, optimizer=matrix.optimizer, seed=seed)
            curves.append(curve[columns])
    return pd.concat(curves[1:] or curves, ignore_index=True)


def tuning_curves(table: RunTable) -> pd.DataFrame:
    """Return the expected test measure of the best of k random trials, per optimizer.

    The interval is over seeds: how the curve over these settings varies with the seed. It does not
    include the variation from another grid, or other draws of a search.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> curves = tuning_curves(table)
    >>> curves[curves["k"].isin([1, 25])][["optimizer", "k", "estimate", "n"]].round(3)
       optimizer   k  estimate  n
    0    adam_l2   1     0.307  5
    24   adam_l2  25     0.219  5
    25     adamw   1     0.240  5
    49     adamw  25     0.200  5

    Returns:
        One row per problem, optimizer and k from 1 to the number of settings: problem, optimizer,
        k; estimate, ci_low, ci_high, n (seeds).
    """
    return mean_over_seeds(curves_by_seed(table), [*GROUP, "k"])


def _at_powers_of_two(table: RunTable) -> pd.DataFrame:
    """Return the tuning curves at 1, 2, 4, 8 … trials and at all."""
    curves = tuning_curves(table)
    last = curves.groupby(GROUP)["k"].transform("max")
    powers = curves["k"].map(lambda k: int(k) & (int(k) - 1) == 0)
    metrics = {problem: table.metric(problem) for problem in table.problems}
    curves.insert(2, "metric", curves["problem"].map(metrics))
    # Imported runs may have no metric to select settings on, and so no expected value.
    known = curves["estimate"].notna()
    return curves[known & (powers | (curves["k"] == last))].reset_index(drop=True)


def _lowest_by_trials(curves: pd.DataFrame) -> str:
    """Return the optimizer with the lowest tuning curve, by the number of trials."""
    common = curves.groupby("optimizer")["k"].max().min()
    by_k = curves[curves["k"] <= common].pivot(index="k", columns="optimizer", values="estimate")
    lowest = by_k.idxmin(axis="columns")
    changes = lowest[lowest != lowest.shift()]
    names = [f"{display_name(name)} from {_trials(k)} on" for k, name in changes.items()]
    return f"Lowest expected {metric_phrase(curves['metric'].iloc[0])}: {', '.join(names)}."


def overtakes(table: RunTable) -> pd.DataFrame:
    """Return the number of trials from which one optimizer stays ahead of another.

    The interval contains the numbers of trials at which the paired difference of the two tuning
    curves is not significantly different from 0: the test of "the curves cross at k", inverted. It
    starts at 1 where the optimizer may be ahead from the start, and ends at infinity where it may
    never be.

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> overtakes(table)[["optimizer", "over", "estimate", "ci_low", "ci_high", "n"]]
      optimizer     over  estimate  ci_low  ci_high  n
    0     adamw  adam_l2         1       1        1  5

    Returns:
        One row per problem and pair with paired seeds and different curves: problem; optimizer,
        which is ahead at the largest k that both have; over, the other one; estimate, the k from
        which it is ahead (1: for every k); ci_low, ci_high, n (shared seeds).
    """
    rows = []
    for problem, curves in curves_by_seed(table.with_paired_seeds).groupby("problem", sort=False):
        by_optimizer = {
            str(name): group.pivot(index="k", columns="seed", values="value")
            for name, group in curves.groupby("optimizer", sort=False)
        }
        for a, b in combinations(by_optimizer, 2):
            differences = by_optimizer[a] - by_optimizer[b]
            signed = differences.dropna(axis=1, how="all").dropna().to_numpy()
            if not signed.size or signed[-1].mean() == 0:
                continue
            ahead, over = (a, b) if signed[-1].mean() < 0 else (b, a)
            signed = signed if ahead == a else -signed
            rows.append((problem, ahead, over, *last_crossing(signed), signed.shape[1]))
    return pd.DataFrame(rows, columns=[*GROUP, "over", *ESTIMATE_COLUMNS])


def last_crossing(differences: Floats) -> tuple[float, float, float]:
    """Return the k from which differences stay below 0, with its interval.

    Args:
        differences: Shape (k, seeds), for k = 1, 2, ….
    """
    mean, low, high, *_ = estimates.mean(differences)
    behind = np.flatnonzero(mean >= 0)
    crossing = int(behind[-1]) + 2 if len(behind) else 1
    if np.isnan(low).all():
        return crossing, float("nan"), float("nan")
    # The curves may cross at these k, or between them and the next.
    level = np.flatnonzero((low <= 0) & (high >= 0)) + 1
    last = float("inf") if high[-1] >= 0 else max([crossing, *level + 1])
    return crossing, min([crossing, *level]), last


def _trials(count: int) -> str:
    return "1 trial" if count == 1 else f"{count} trials"


def _latest_overtaking(rows: pd.DataFrame) -> str:
    """Return from how many trials the optimizer that is ahead of most others is ahead of them."""
    leader = rows["optimizer"].value_counts().idxmax()
    behind = rows[rows["optimizer"] == leader]
    others, trials = join_names(map(display_name, behind["over"])), int(behind["estimate"].max())
    return f"{display_name(str(leader))} is ahead of {others} from {_trials(trials)} on."


TUNING_CURVES = Measure(
    "tuning",
    "Tuning curves",
    "The expected test error (regression: loss) of the best of k trials, drawn at random from the "
    "settings that were tried and selected on validation. Exact order statistics within each seed, "
    "intervals over seeds. An optimizer with a low error after few trials is easy to tune.",
    _at_powers_of_two,
    _lowest_by_trials,
    "completed runs, and a validation split if there are several settings",
    column_headings(k="k =", estimate=""),
    pivot="k",
    order=40,
)

OVERTAKES = Measure(
    "overtakes",
    "Trials from which one optimizer overtakes another",
    "The number of trials from which one optimizer's tuning curve stays below another's; 1 means "
    "for any number of trials. The interval contains the numbers of trials at which the curves are "
    "not significantly different.",
    overtakes,
    _latest_overtaking,
    "two optimizers with shared, paired seeds on one problem, whose tuning curves differ",
    {"problem": "problem", "optimizer": "ahead", "over": "of"}
    | {"estimate": "from trials", "n": "seeds"},
    order=50,
    possible_range=lambda rows: (1.0, np.inf),
)
