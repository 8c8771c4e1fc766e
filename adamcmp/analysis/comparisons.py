"""Comparisons of pairs of optimizers: difference, interval, tests and seeds needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd

from adamcmp.analysis.arms import Arm
from adamcmp.analysis.corrections import correct
from adamcmp.analysis.estimates import Floats
from adamcmp.analysis.metrics import check_metrics
from adamcmp.analysis.pair_columns import Family, pair_columns
from adamcmp.analysis.question import Question
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import scale
from adamcmp.storage.looks import LookRecord

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

    Settings and reported runs are those of `RunTable.selected`. Equal seeds are paired where
    possible, since they share initial weights and batches. Those of imported runs are paired only
    if the import says so. A diverged run has no value. Its seed is excluded from the difference and
    counted in ``diverged_a`` or ``diverged_b``; in ``prob_better`` it is worse than any completed
    run. A separate test compares how often the optimizers diverge
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
          latter is below the level, and ``evidence`` is not ``"divergence"``;
        - ``effect_size``: Hedges' g_z where ``paired``, else Hedges' g;
        - ``prob_better``, ``prob_low``, ``prob_high``: probability that a is better than b for a
          new seed, with its interval;
        - ``seeds_needed``, ``settles``: seeds in total (of each arm) that detect a difference of
          ``settles`` with 80 % power at the next look, at the strictest level of Holm's correction,
          selection bias accounted for (infinite where the bias is too large); the difference is the
          observed one without its selection bias, or half the half-width of the interval where that
          is larger;
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
    arms = {id(arm): arm for pair in pairs for arm in pair}
    biases = {key: arm.selection_bias(metric) for key, arm in arms.items()}
    family = Family(problem, metric, len(pairs), record)
    table = pd.DataFrame(
        [pair_columns(a, b, family, (biases[id(a)], biases[id(b)])) for a, b in pairs]
    )
    baseline = "" if question.baseline is None else pairs[0][0].name
    margin = math.nan if question.margin is None else question.margin / scale(metric)
    differences = _differences(pairs, metric) if baseline else None
    return correct(table.assign(baseline=baseline, margin=margin), differences)[COLUMNS]


def _differences(pairs: Sequence[tuple[Arm, Arm]], metric: str) -> Floats:
    """Return the differences of pairs, (pairs, seeds); NaN where a pair lacks a seed."""
    by_seed = [a.values(metric).sub(b.values(metric)) for a, b in pairs]
    return pd.concat(by_seed, axis="columns").T.to_numpy(np.float64)
