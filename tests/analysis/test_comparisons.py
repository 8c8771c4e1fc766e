"""Comparisons of all pairs of optimizers, on hand-made runs."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.comparisons import COLUMNS
from adamcmp.analysis.looks import Looks
from tests.support.seeded_runs import NAN, A, B, at_setting, runs_from


class TestComparison:
    def test_a_pair_is_scipys_paired_test(self):
        table = analysis.comparisons(
            RunTable(runs_from([*at_setting("adamw", A), *at_setting("adam_l2", B)]))
        )
        row = table.iloc[0]
        theirs = scipy_stats.ttest_rel(A, B)
        ends = theirs.confidence_interval()
        assert len(table) == 1 and list(table) == COLUMNS
        assert (row["a"], row["b"], row["metric"]) == ("adamw", "adam_l2", "test_error")
        assert row["estimate"] == pytest.approx(np.mean(A) - np.mean(B))
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((ends.low, ends.high))
        assert row["p_value"] == row["p_holm"] == pytest.approx(theirs.pvalue)
        assert row["n"] == 6 and row["paired"] and row["fresh"] and row["better"] == "a"
        assert row["prob_better"] == 1 and row["prob_low"] < 1

    def test_seeds_that_are_not_shared_are_compared_by_welch(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B[:4], seeds=range(20, 24))])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        theirs = scipy_stats.ttest_ind(A, B[:4], equal_var=False)
        assert not row["paired"] and (row["n"], row["n_a"], row["n_b"]) == (4, 6, 4)
        assert row["p_value"] == pytest.approx(theirs.pvalue)
        u = scipy_stats.mannwhitneyu(B[:4], A).statistic
        assert row["prob_better"] == pytest.approx(u / 24)
        assert "6 and 4 seeds, not paired" in analysis.sentence(row)

    def test_pairs_use_the_shared_seeds(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B, seeds=range(2, 8))])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["paired"] and row["n"] == 4
        assert row["estimate"] == pytest.approx(np.mean(A[2:]) - np.mean(B[:4]))

    @settings(max_examples=5)
    @given(st.lists(st.tuples(*[st.floats(0, 1, width=16)] * 2), min_size=3, max_size=8))
    def test_swapped_arms_give_the_same_result(self, pairs):
        a, b = zip(*pairs, strict=True)
        forth = analysis.comparisons(
            RunTable(runs_from([*at_setting("x", a), *at_setting("y", b)]))
        ).iloc[0]
        back = analysis.comparisons(
            RunTable(runs_from([*at_setting("y", b), *at_setting("x", a)]))
        ).iloc[0]
        signs = {"estimate": ("estimate", -1), "ci_low": ("ci_high", -1), "p_value": ("p_value", 1)}
        for column, (other, sign) in signs.items():
            assert forth[column] == pytest.approx(sign * back[other], nan_ok=True, abs=1e-12)
        assert forth["prob_better"] == pytest.approx(1 - back["prob_better"])
        assert {forth["better"], back["better"]} in ({"a", "b"}, {""})

    def test_larger_accuracies_are_better(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)])
        row = analysis.comparisons(RunTable(runs), "test_accuracy").iloc[0]
        assert row["estimate"] > 0 and row["better"] == "a" and row["prob_better"] == 1
        assert "AdamW beats SGD on test accuracy by 4.7 points" in analysis.sentence(row)

    def test_a_regression_is_compared_by_loss(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)], regression=True)
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["metric"] == "test_loss"
        assert "on test loss by 0.047 (95 %" in analysis.sentence(
            row
        ) and "point" not in analysis.sentence(row)

    def test_diverged_seeds_are_excluded_and_lose(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)])
        diverged = (runs["optimizer"] == "adamw") & (runs["seed"] == 0)
        runs.loc[diverged, ["status", "val_error", "test_error", "train_loss"]] = [
            "diverged",
            NAN,
            NAN,
            NAN,
        ]
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["n"] == 5 and (row["diverged_a"], row["diverged_b"]) == (1, 0)
        assert row["estimate"] == pytest.approx(np.mean(A[1:]) - np.mean(B[1:]))
        assert row["prob_better"] == pytest.approx(5 / 6)
        assert row["p_holm"] < 0.05 and row["better"] == ""
        assert analysis.sentence(row).endswith(
            "It is not said to be better, since it diverged on 1 of 6 seeds, SGD on none. AdamW "
            "diverged on 1 seed, which is left out of the difference."
        )

    def test_no_run_completed(self):
        runs = runs_from(
            [*at_setting("adamw", A), *(("sgd", 0.1, s, NAN, NAN, "diverged") for s in range(3))]
        )
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["n"] == 0 and math.isnan(row["estimate"]) and row["better"] == ""
        assert "cannot be compared: no run of one of them completed" in analysis.sentence(row)

    def test_failed_runs_are_no_arm(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)])
        runs.loc[runs["optimizer"] == "sgd", "status"] = "failed"
        assert (
            analysis.comparisons(RunTable(runs)).empty
            and analysis.verdicts(analysis.comparisons(RunTable(runs))) == []
        )

    def test_one_seed_or_no_spread_gives_no_claim(self):
        one = analysis.comparisons(
            RunTable(runs_from([*at_setting("adamw", A[:1]), *at_setting("sgd", B[:1])]))
        ).iloc[0]
        assert one["better"] == "" and "but one seed gives no interval" in analysis.sentence(one)

    def test_values_without_spread_that_are_not_paired_give_no_claim(self):
        other_seeds = at_setting("sgd", [0.3] * 6, seeds=range(10, 16))
        runs = runs_from([*at_setting("adamw", [0.2] * 6), *other_seeds])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["better"] == "" and math.isnan(row["p_value"])
        assert "the runs of each have equal values" in analysis.sentence(row)

    @pytest.mark.parametrize("n", [2, 5, 6, 10])
    def test_a_difference_that_is_the_same_on_all_seeds_has_the_sign_test(self, n):
        errors = [0.2 + 0.01 * seed for seed in range(n)]
        worse = [error + 0.25 for error in errors]
        runs = runs_from([*at_setting("adamw", errors), *at_setting("sgd", worse)])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["p_value"] == scipy_stats.binomtest(n, n).pvalue
        assert row["better"] == ("a" if n >= 6 else "")
        assert f"the same on all {n} paired seeds, so it has no interval; sign test p" in (
            text := analysis.sentence(row)
        )
        if n < 6:
            # More seeds are a further look.
            needed = int(row["seeds_needed"])
            p_values = [scipy_stats.binomtest(k, k).pvalue for k in (needed - 1, needed)]
            levels = [Looks(0, (n, k)).level for k in (needed - 1, needed)]
            assert p_values[0] > levels[0] and p_values[1] <= levels[1]
            assert f"; {needed - n} more seed" in text

    def test_equal_values_up_to_rounding_do_not_differ(self):
        runs = runs_from([*at_setting("adamw", [0.1 + 0.2] * 8), *at_setting("sgd", [0.3] * 8)])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["better"] == "" and "have the same test error" in analysis.sentence(row)

    def test_selection_bias_is_accounted_for(self):
        """On the seeds that chose, the best of many equal settings leads by chance."""
        rng = np.random.default_rng(5)
        rows = []
        for optimizer, count in (("adamw", 60), ("sgd", 1)):
            for lr, seed in product(range(1, count + 1), range(10)):
                error = 0.3 + 0.01 * rng.normal()
                rows.append((optimizer, lr, seed, error, error))
        table = analysis.comparisons(RunTable(runs_from(rows)))
        row = table.iloc[0]
        assert row["p_holm"] < 0.05 < row["p_choice"] and row["better"] == "" and not row["fresh"]
        text = analysis.sentence(row)
        assert (
            "Selection among 60 and 1 settings could explain this; add selection seeds or" in text
        )
        assert "; a true difference of at least" in text
        assert text.endswith("Settings were selected on these same seeds.")
        # The corrected difference is smaller: more seeds would not reproduce a lead by chance.
        assert row["settles"] < abs(row["estimate"])
