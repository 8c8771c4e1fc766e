"""Comparisons of all pairs of optimizers, on hand-made runs."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.comparisons import COLUMNS
from adamcmp.analysis.looks import Looks
from adamcmp.analysis.question import Question
from adamcmp.errors import ConfigError
from adamcmp.storage.looks import Look, LookRecord
from tests.support.seeded_runs import NAN, A, B, at_setting, runs_from

#: Test errors that are worse than A, p = 0.02, and that are not significantly different.
NOISY = [0.23, 0.23, 0.21, 0.25, 0.23, 0.22]
EVEN = [0.22, 0.21, 0.23, 0.22, 0.23, 0.21]


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

    def test_holm_over_the_pairs_of_each_problem(self):
        runs = runs_from(
            [*at_setting("adamw", A), *at_setting("adam_l2", B), *at_setting("sgd", A[::-1])]
        )
        both = pd.concat([runs, runs[runs["optimizer"] != "sgd"].assign(problem="e, m")])
        table = analysis.comparisons(RunTable(both))
        assert table.groupby("problem", sort=False).size().tolist() == [3, 1]
        first = table[table["problem"] == "d, m"]
        ordered = np.sort(first["p_value"])
        expected = np.minimum(np.maximum.accumulate(ordered * [3, 2, 1]), 1)
        assert np.sort(first["p_holm"]) == pytest.approx(expected)
        one_pair = table[table["problem"] == "e, m"].iloc[0]
        assert one_pair["p_holm"] == one_pair["p_value"]

    @settings(max_examples=5, deadline=None)
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

    @pytest.mark.parametrize("order", [1, -1])
    def test_an_optimizer_that_diverges_more_often_is_worse(self, order):
        """On the seed that completes, it is ahead."""
        errors = [0.20, 0.22, 0.21, 0.23, 0.20, 0.21, 0.22, 0.20, 0.21, 0.22]
        diverged = [("sgd", 0.1, seed, NAN, NAN, "diverged") for seed in range(9)]
        arms = [at_setting("adamw", errors), [*diverged, ("sgd", 0.1, 9, 0.3, 0.15)]][::order]
        table = analysis.comparisons(RunTable(runs_from([row for arm in arms for row in arm])))
        row = table.iloc[0]
        assert row["evidence"] == "divergence" and row[row["better"]] == "adamw"
        assert row["p_diverged"] == pytest.approx(2**-8)
        assert analysis.sentence(row) == (
            "SGD is worse than AdamW: it diverged on 9 of 10 seeds, AdamW on none (exact McNemar "
            "p = 0.004). On the 1 seed on which neither diverged, SGD is ahead on test error by 7 "
            "points."
        )
        (verdict,) = analysis.verdicts(table)
        assert verdict.overall == (
            "AdamW is best on test error: it beats SGD (which diverges more often)."
        )

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
            "Selection among 60 and 1 settings could explain this; add selection seeds, not" in text
        )
        assert text.endswith("Settings were selected on these same seeds.")
        # The corrected difference is smaller: more seeds would not reproduce a lead by chance.
        assert row["settles"] < abs(row["estimate"])

    @pytest.mark.parametrize(("margin", "equal"), [(1.5, True), (0.6, False)])
    def test_equality_within_a_margin_has_two_one_sided_tests(self, margin, equal):
        noise = 0.01 * np.random.default_rng(1).normal(size=20)
        errors = 0.3 + 0.001 * np.arange(20)
        arms = [
            at_setting("adamw", errors),
            at_setting("sgd", errors + noise - noise.mean() + 0.005),
        ]
        table = RunTable(runs_from([row for arm in arms for row in arm]))
        row = analysis.comparisons(table.asking(Question(margin=margin))).iloc[0]
        d = row["estimate"] + (noise.mean() - noise)  # adamw minus sgd
        one_sided = [
            scipy_stats.ttest_1samp(d, bound, alternative=side).pvalue
            for bound, side in ((-margin / 100, "greater"), (margin / 100, "less"))
        ]
        assert row["margin"] == margin / 100
        assert row["p_equal"] == row["p_equal_holm"] == pytest.approx(max(one_sided))
        assert row["equal"] == equal == (max(one_sided) < 0.05)
        text = analysis.sentence(row)
        assert row["better"] == "a" and ("within 1.5 points (p of a larger" in text) == equal

    def test_a_margin_is_of_the_reported_metric(self):
        later = [error + 0.001 for error in A[::-1]]
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", later)])
        table = RunTable(runs).asking(Question(margin=5))
        rows = analysis.comparisons(table, ["test_error", "train_loss"]).set_index("metric")
        assert rows["margin"]["test_error"] == 0.05 and np.isnan(rows["margin"]["train_loss"])
        (verdict,) = analysis.verdicts(analysis.comparisons(table))
        assert "is equal within 5 points to" in verdict.overall
        assert "are equal on test error within 5 points (p of a larger" in verdict.pairs[0]
        assert not analysis.comparisons(RunTable(runs))["equal"].any()
        with pytest.raises(ConfigError, match="must be a positive number"):
            table.asking(Question(margin=-1))
        narrow = analysis.comparisons(table.asking(Question(margin=0.1))).iloc[0]
        assert "; not shown to be equal within 0.1 points; a true" in analysis.sentence(narrow)

    def test_seeds_that_would_detect_the_difference(self):
        rng = np.random.default_rng(0)
        a = 0.3 + 0.01 * rng.normal(size=10)
        b = 0.3 + 0.01 * rng.normal(size=10)
        row = analysis.comparisons(
            RunTable(runs_from([*at_setting("adamw", a), *at_setting("sgd", b)]))
        ).iloc[0]
        assert (
            row["better"] == "" and row["settles"] >= (row["ci_high"] - row["ci_low"]) / 4 - 1e-12
        )
        size = row["settles"] / np.std(a - b, ddof=1)
        n = row["seeds_needed"]
        # More seeds are a further look.
        levels = {k: Looks(0, (10, k)).level for k in (n - 1, n)}
        power = [
            scipy_stats.nct.sf(scipy_stats.t.isf(level / 2, k - 1), k - 1, size * k**0.5)
            for k, level in levels.items()
        ]
        assert power[0] < 0.8 <= power[1] + 1e-3
        assert "more seeds would detect a difference of" in analysis.sentence(row)


class TestLooks:
    def looks(self, *seeds):
        return tuple(Look("d, m", "test_error", "AdamW", "SGD", 0, each) for each in seeds)

    def row(self, b, looks=(), missing_runs=0):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", b)])
        table = RunTable(runs).recorded_as({}, LookRecord(looks, missing_runs))
        return analysis.comparisons(table).iloc[0]

    def test_the_first_look_has_the_full_level(self):
        row = self.row(NOISY)
        assert (row["looks"], row["compared_seeds"]) == (1, "0-5")
        assert row["level"] == pytest.approx(0.05) and 0.011 < row["p_holm"] < 0.05
        assert row["better"] == "a" and "look" not in analysis.sentence(row)

    def test_a_later_look_has_a_stricter_level(self):
        row = self.row(NOISY, self.looks("0-2"))
        assert row["looks"] == 2 and row["level"] == Looks(0, (3, 6)).level < row["p_holm"]
        text = analysis.sentence(row)
        assert row["better"] == "" and text.startswith("No significant difference between")
        assert f"; look 2, level {row['level']:.2g})" in text
        strong = self.row(B, self.looks("0-2"))
        assert strong["better"] == "a" and "; look 2, level" in analysis.sentence(strong)

    def test_a_repeated_look_has_the_level_of_the_first_one(self):
        repeated, first = self.row(NOISY, self.looks("0-5")), self.row(NOISY)
        assert repeated.equals(first)

    def test_looks_at_other_comparisons_do_not_count(self):
        (other,) = self.looks("0-2")
        others = (other._replace(metric="test_loss"), other._replace(a="Adam"))
        assert self.row(NOISY, others).equals(self.row(NOISY))

    def test_fresh_seeds_are_a_further_look(self):
        row = self.row(NOISY, self.looks("7-9"))
        assert row["looks"] == 2 and row["level"] == pytest.approx(0.005)

    def test_a_further_look_needs_more_seeds_than_the_first(self):
        needed = [self.row(EVEN, self.looks(*s))["seeds_needed"] for s in ((), ("0-2",))]
        assert needed[0] < needed[1]

    def test_an_interim_look_claims_nothing_and_does_not_count(self):
        row = self.row(B, missing_runs=3)
        assert (row["level"], row["better"], row["looks"], row["missing_runs"]) == (0, "", 0, 3)
        note = "Nothing is claimed before the 3 missing runs have ended."
        text = analysis.sentence(row)
        assert text.startswith("Interim: AdamW is ahead of SGD") and note in text
        (verdict,) = analysis.verdicts(pd.DataFrame([row]))
        assert verdict.overall == f"AdamW leads on test error. {note}"
        # Once the runs have ended, the level is that of a first look.
        assert self.row(EVEN, missing_runs=3)["seeds_needed"] < self.row(EVEN)["seeds_needed"]
