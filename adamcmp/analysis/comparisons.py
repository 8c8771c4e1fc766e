"""Comparisons of pairs of optimizers: difference, interval, tests and seeds needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from adamcmp.analysis import estimates
from adamcmp.analysis.arms import Arm
from adamcmp.analysis.difference import Difference
from adamcmp.analysis.divergence import divergence_test
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.improvement import probability_of_improvement
from adamcmp.analysis.looks import looks_at
from adamcmp.analysis.metrics import check_metrics, higher_is_better
from adamcmp.analysis.outcomes import bound_of_examples
from adamcmp.analysis.pairing import data_vary_with_seed
from adamcmp.analysis.power import detectable_difference
from adamcmp.analysis.question import Question
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.selection_bias import SelectionBias, debiased, selection_p_value
from adamcmp.analysis.sign_flips import MIN_SEEDS, increase_of_deviations, max_t
from adamcmp.analysis.unequal_noise import noise_ratio
from adamcmp.analysis.wording import scale
from adamcmp.storage.looks import LookRecord, seeds_text

#: The columns of `comparisons`, in order.
COLUMNS = [
    *("problem", "a", "b", "metric", "estimate", "ci_low", "ci_high", "n", "p_value", "p_holm"),
    *("covers", "ci_seeds", "ci_examples"),
    *("adjustment", "baseline"),
    *("looks", "level", "missing_runs", "compared_seeds"),
    *("p_choice", "better", "effect_size", "prob_better", "prob_low", "prob_high", "seeds_needed"),
    *("settles", "detectable", "detectable_settings", "paired", "fresh"),
    *("mean_a", "mean_b", "n_a", "n_b", "noise_ratio", "setting_a", "setting_b"),
    *("settings_a", "settings_b", "seeds_a", "seeds_b", "diverged_a", "diverged_b"),
    *("divergence_test", "p_diverged", "p_diverged_holm", "evidence"),
    *("margin", "p_equal", "p_equal_holm", "equal"),
    *("train_estimate", "train_low", "train_high", "train_mean"),
]


def comparisons(table: RunTable, metric: str | Sequence[str] | None = None) -> pd.DataFrame:
    """Compare pairs of optimizers on each problem, each at its selected setting.

    These are all pairs, or those of the table's baseline with each other optimizer. The pairs of a
    problem and metric are one family of tests.

    Settings and reported runs are those of `RunTable.selected`. Equal seeds are paired
    where possible, since they share initial weights and batches; those of imported runs only if the
    import says so. A diverged run has no value. Its seed is excluded from
    the difference and counted in ``diverged_a`` or ``diverged_b``; in ``prob_better`` it is worse
    than any completed run. How often the optimizers diverge is tested on its own
    (`adamcmp.analysis.divergence`).

    >>> from adamcmp.analysis.example import example_table
    >>> table = example_table().of_problem("mnist1d, mlp")
    >>> comparisons(table)[["a", "b", "estimate", "ci_low", "ci_high", "better"]].round(3)
             a      b  estimate  ci_low  ci_high better
    0  adam_l2  adamw      0.02   0.014    0.026      b

    Args:
        table: The runs.
        metric: A metric's column, or several; None selects each problem's test error (regression:
            loss).

    Returns:
        One row per pair and metric, with columns

        - ``problem``, ``a``, ``b``, ``metric``;
        - ``estimate``, ``ci_low``, ``ci_high``, ``p_value``: mean of a minus mean of b in the
          metric's unit, its 95 % interval, and the test of no difference (Student's over shared
          seeds where ``paired``, else Welch's; the sign test of a difference that is the same on
          all seeds); ``n``: shared seeds, or the smaller number;
        - ``covers``: the samples whose variance the interval and the tests contain: ``"seeds"``,
          ``"seeds and data"`` if each run was trained on data drawn with its seed
          (``data_seed=seed``), and ``"seeds and examples"`` or ``"seeds, data and examples"`` if
          they contain that of the test examples too (`adamcmp.analysis.example_variance`);
          ``ci_seeds`` and ``ci_examples``: half the width of the interval that either part alone
          gives, of which ``ci_seeds`` contains the data. If the interval does not cover the
          examples, ``ci_examples`` is an upper bound that follows from the errors of both arms, or
          NaN if there is none;
        - ``p_holm``: p after the correction over the problem's pairs that ``adjustment`` names:
          ``"Holm"``, or ``"max-T"`` for paired comparisons with the ``baseline`` over six seeds or
          more (`adamcmp.analysis.sign_flips`); ``p_choice``: the same
          with selection bias accounted for (`adamcmp.analysis.selection_bias`);
        - ``looks``: how often the comparison was reported with other seeds, this time included;
          ``level``: the level of this test, 0.05 at the first look (`adamcmp.analysis.looks`). If
          requested runs are missing, ``missing_runs`` is their number, the level is 0, and the
          look does not count; ``compared_seeds``: the seeds of both arms, such as ``"0-4"``;
        - ``better``: ``"a"`` or ``"b"``, else ``""``; ``evidence``: ``"difference"`` if both
          p-values are below the level and this arm did not diverge more often than the other,
          ``"divergence"`` if the difference is not significant, and this arm diverged less often
          with ``p_diverged_holm`` below the level;
        - ``divergence_test``, ``p_diverged``, ``p_diverged_holm``: the exact test of equally
          frequent divergence, its p, and the same after Holm's correction over the problem's pairs;
          empty and NaN without diverged runs;
        - ``margin``: the margin of the table's question, in the unit of the stored metric; NaN
          without one, and for other metrics than the reported one if there are several;
          ``p_equal``, ``p_equal_holm``: the two one-sided tests of a difference within the margin,
          with selection bias accounted for, and after Holm's correction; ``equal``: whether the
          latter is below the level, and the optimizers diverge equally often;
        - ``effect_size``: Hedges' g_z where ``paired``, else Hedges' g;
        - ``prob_better``, ``prob_low``, ``prob_high``: probability that a is better than b for a
          new seed, with its interval;
        - ``seeds_needed``, ``settles``: seeds in total (of each arm) that detect a difference of
          ``settles`` with 80 % power at the next look, at the strictest level of Holm's correction,
          selection bias accounted for (infinite where the bias is too large); the difference is the
          observed one without its optimism, or half the half-width of the interval where that is
          larger;
        - ``detectable``: the smallest true difference that these seeds detect with 80 % power at
          this look, also at the strictest level of Holm's correction, selection bias accounted for;
          ``detectable_settings``: the same for a difference between the two selected settings,
          without the selection;
        - ``paired``: whether two seeds or more, and half of those of the arm with fewer, are
          shared; ``fresh``: whether no reported seed took part in the selection;
          ``mean_a``, ``mean_b``; ``n_a``, ``n_b``, seeds of each; ``setting_a``, ``setting_b``,
          the selected ones as text; ``settings_a``, ``settings_b``, how many were tried;
          ``seeds_a``, ``seeds_b``, reported seeds; ``diverged_a``, ``diverged_b``, how many of
          them diverged;
        - ``noise_ratio``: the standard deviation of the noise of a divided by that of b
          (`adamcmp.analysis.unequal_noise`); NaN for one seed;
        - ``train_estimate``, ``train_low``, ``train_high``: the difference of final training
          losses of the same runs; ``train_mean``: the mean of the two training losses.

    Raises:
        ConfigError: If there is no such metric, or no validation split to select on.
    """
    metrics = [metric] if isinstance(metric, str) else metric
    check_metrics(metrics or ())
    tables = []
    for problem, subtable in table.by_problem():
        pairs = _pairs(Arm.of_optimizers(subtable), table.question)
        for name in metrics or [subtable.metric()]:
            question = table.question
            if metrics and len(metrics) > 1 and name != subtable.metric():
                question = replace(question, margin=None)
            tables += [compare_arms(problem, pairs, name, question, table.looks)] if pairs else []
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)


def _pairs(arms: list[Arm], question: Question) -> list[tuple[Arm, Arm]]:
    if question.baseline is None:
        return list(combinations(arms, 2))
    baseline = question.baseline_in(arm.name for arm in arms)
    first = [arm for arm in arms if arm.name == baseline]
    return [(one, other) for one in first for other in arms if other is not one]


def compare_arms(
    problem: str,
    pairs: Sequence[tuple[Arm, Arm]],
    metric: str,
    question: Question,
    record: LookRecord,
) -> pd.DataFrame:
    """Compare pairs of arms of one problem on one metric.

    Args:
        problem: The problem.
        pairs: The arms of each comparison.
        metric: The metric to compare.
        question: What is asked.
        record: The earlier looks.

    Returns:
        One row per pair with the columns of `comparisons`.
    """
    # Estimated once per arm, since an arm is part of several pairs.
    biases = {id(arm): arm.selection_bias(metric) for pair in pairs for arm in pair}
    family = _Family(problem, metric, len(pairs), record)
    rows = [_compare(a, b, family, (biases[id(a)], biases[id(b)])) for a, b in pairs]
    table = pd.DataFrame(rows)
    name, adjust = "Holm", estimates.holm
    if question.baseline is not None and _can_flip(table):
        by_seed = [a.values(metric).sub(b.values(metric)) for a, b in pairs]
        differences = pd.concat(by_seed, axis="columns").T.to_numpy(np.float64)
        name, adjust = "max-T", partial(max_t, differences=differences)
        increase = increase_of_deviations(differences)
        for column in ("detectable", "detectable_settings"):
            table[column] *= increase
        # The number of seeds is about proportional to the variance.
        table["seeds_needed"] = np.ceil(table["seeds_needed"] * increase**2)
    baseline = "" if question.baseline is None else pairs[0][0].name
    margin = math.nan if question.margin is None else question.margin / scale(metric)
    table = table.assign(adjustment=name, baseline=baseline, margin=margin)
    table["p_equal"] = _p_equal(table)
    return _correct(table, adjust)


def _p_equal(table: pd.DataFrame) -> Floats:
    """Return the p-values of differences outside the margin.

    The larger one of two one-sided tests (Schuirmann 1987, Journal of Pharmacokinetics and
    Biopharmaceutics 15, 657-680). The difference may be larger by its selection bias.
    """
    size = table["estimate"].abs() + table["optimism"]
    inside = (table["margin"] - size) / table["error"]
    p: Floats = stats.t.sf(inside.to_numpy(np.float64), table["df"].to_numpy(np.float64))
    return p


def _can_flip(table: pd.DataFrame) -> bool:
    """Return whether all comparisons with a test are paired over enough seeds to flip signs."""
    tested = table[table["p_value"].notna()]
    return bool((tested["paired"] & (tested["n"] >= MIN_SEEDS)).all())


@dataclass(frozen=True)
class _Family:
    """The comparisons whose p-values are adjusted together.

    Attributes:
        problem: The problem.
        metric: The metric that is compared.
        size: The number of comparisons.
        record: The earlier looks.
    """

    problem: str
    metric: str
    size: int
    record: LookRecord


def _compare(
    a: Arm, b: Arm, family: _Family, biases: tuple[SelectionBias, SelectionBias]
) -> dict[str, Any]:
    """Return the columns of one comparison that do not depend on the other pairs' values."""
    metric = family.metric
    difference, train = Difference.between(a, b, metric), Difference.between(a, b, "train_loss")
    estimate, divergence = difference.estimate, divergence_test(a, b)
    seeds = _compared_seeds(a, b, difference.paired)
    columns = {
        **{"problem": family.problem, "metric": metric, "a": a.name, "b": b.name},
        **{"n": difference.n, "compared_seeds": seeds_text(seeds)},
    }
    looks = looks_at(columns, family.record, family.size)
    selection_variance = float(np.add(biases[0].variance, biases[1].variance))
    seeds_needed, settles = difference.seeds_needed(
        # The strictest level of Holm's correction.
        lambda n: looks.next_level(n * len(seeds) // difference.n) / family.size,
        float(debiased(estimate, *biases)),
        selection_variance,
    )
    alpha = looks.next_level(len(seeds)) / family.size
    error = math.sqrt(float(estimate.error) ** 2 + selection_variance)
    mean_a, mean_b = difference.means
    # The same values in another order have means that differ by a rounding error.
    is_tie = math.isclose(mean_a, mean_b, rel_tol=1e-12)
    missing_runs = family.record.missing_runs
    return {
        **columns,
        **{"looks": looks.number, "missing_runs": missing_runs},
        "level": 0.0 if missing_runs else looks.level,
        **{"estimate": 0.0 if is_tie else float(estimate.value)},
        **{"ci_low": float(estimate.low), "ci_high": float(estimate.high)},
        **{"n_a": len(difference.a), "n_b": len(difference.b)},
        "p_value": difference.p_value,
        **_samples(a, b, difference, metric),
        "p_choice": max(
            float(selection_p_value(e, *biases)) for e in difference.required_estimates
        ),
        "effect_size": difference.effect_size,
        **probability_of_improvement(a, b, metric, difference.paired, higher_is_better(metric)),
        **{"error": error, "df": float(estimate.df)},
        "optimism": abs(float(np.subtract(biases[0].optimism, biases[1].optimism))),
        **{"seeds_needed": seeds_needed, "settles": settles},
        "detectable": detectable_difference(error, float(estimate.df), alpha),
        "detectable_settings": detectable_difference(
            float(estimate.error), float(estimate.df), alpha
        ),
        **{"paired": difference.paired, "fresh": a.fresh and b.fresh},
        **{"mean_a": mean_a, "mean_b": mean_b},
        "noise_ratio": float(noise_ratio(difference.a, difference.b, difference.paired)),
        **{"setting_a": a.setting, "setting_b": b.setting},
        **{"settings_a": a.settings, "settings_b": b.settings},
        **{"seeds_a": len(a.reported), "seeds_b": len(b.reported)},
        **{"diverged_a": a.diverged, "diverged_b": b.diverged},
        **{"divergence_test": divergence.name, "p_diverged": divergence.p_value},
        "train_estimate": float(train.estimate.value),
        **{"train_low": float(train.estimate.low), "train_high": float(train.estimate.high)},
        "train_mean": sum(train.means) / 2,
    }


def _compared_seeds(a: Arm, b: Arm, paired: bool) -> set[int]:
    """Return the seeds of the reported runs, including those that diverged."""
    first, second = (set(map(int, arm.reported.index)) for arm in (a, b))
    return first & second if paired else first | second


def _samples(a: Arm, b: Arm, difference: Difference, metric: str) -> dict[str, Any]:
    """Return the samples that the interval of a difference covers, with the part of each."""
    over_seeds, examples = difference.over_seeds, difference.examples
    data = all(data_vary_with_seed(arm.reported) for arm in (a, b))
    if examples is None:
        part = bound_of_examples(a.reported, b.reported, metric)
        covers = "seeds and data" if data else "seeds"
    else:
        part = examples.half_width
        covers = "seeds, data and examples" if data else "seeds and examples"
    seeds = float(over_seeds.high - over_seeds.low) / 2
    return {"covers": covers, "ci_seeds": seeds, "ci_examples": part}


def _correct(table: pd.DataFrame, adjust: Callable[[Floats], Floats]) -> pd.DataFrame:
    """Add the correction over the pairs of a problem, and which arm is better."""
    p_value, p_choice = (table[c].to_numpy(np.float64) for c in ("p_value", "p_choice"))
    table["p_holm"] = adjust(p_value)
    # Accounting for the selection must not make a difference more significant, nor be a test where
    # there is none.
    p_choice = np.where(np.isnan(p_value), np.nan, p_choice)
    table["p_choice"] = np.maximum(adjust(p_choice), table["p_holm"])
    table["p_diverged_holm"] = estimates.holm(table["p_diverged"])
    table["p_equal_holm"] = estimates.holm(table["p_equal"])
    table = _with_better(table)
    table["equal"] = (table["p_equal_holm"] < table["level"]) & (table["evidence"] != "divergence")
    return table[COLUMNS]


def _with_better(table: pd.DataFrame) -> pd.DataFrame:
    """Add the arm that is better, and the evidence for it."""
    sign = np.where(table["metric"].map(higher_is_better), 1, -1) * table["estimate"]
    ahead = np.where(sign > 0, "a", "b")
    more_often = table["diverged_a"] / table["seeds_a"] - table["diverged_b"] / table["seeds_b"]
    less_diverged = np.where(more_often < 0, "a", "b")
    differs = table["p_choice"] < table["level"]
    diverges = table["p_diverged_holm"] < table["level"]
    # An optimizer that is ahead on completed runs, but diverges more often, is not better.
    agree = (more_often == 0) | (ahead == less_diverged)
    evidence = np.select([differs & agree, ~differs & diverges], ["difference", "divergence"], "")
    better = np.select(
        [evidence == "difference", evidence == "divergence"], [ahead, less_diverged], ""
    )
    return table.assign(evidence=evidence, better=better)
