"""Estimates against scipy, closed forms, published tables and simulated studies."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from adamcmp.analysis import RunTable, comparisons, estimates
from adamcmp.analysis.selection_bias import (
    selection_p_value,
)
from tests.support.random_numbers import rng
from tests.support.seeded_runs import runs_from

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import simulation_intervals  # noqa: E402
import simulation_selection  # noqa: E402
import simulation_studies  # noqa: E402

VALUES = st.lists(st.floats(-100, 100, width=32), min_size=5, max_size=20)


class TestIntervals:
    @pytest.mark.parametrize("n", [2, 3, 5, 10, 20])
    def test_a_paired_difference_has_students_interval(self, n):
        a, b = rng().normal(size=(2, 4, n))
        ours, theirs = estimates.mean(a - b), stats.ttest_rel(a, b, axis=1)
        ends = theirs.confidence_interval()
        np.testing.assert_allclose(ours.p_value, theirs.pvalue)
        np.testing.assert_allclose((ours.low, ours.high), (ends.low, ends.high))

    @pytest.mark.parametrize(("n", "m"), [(2, 2), (5, 3), (10, 20)])
    def test_an_unpaired_difference_has_welchs_interval(self, n, m):
        a, b = rng().normal(size=(4, n)), 3 * rng().normal(size=(4, m)) + 1
        ours = estimates.unpaired_difference(a, b)
        theirs = stats.ttest_ind(a, b, axis=1, equal_var=False)
        ends = theirs.confidence_interval()
        np.testing.assert_allclose(ours.p_value, theirs.pvalue)
        np.testing.assert_allclose((ours.low, ours.high), (ends.low, ends.high))

    def test_the_interval_of_a_skewed_sample_is_where_its_values_are(self):
        """A correction for skewness gives 0.8 to 2.5."""
        actual = estimates.mean(np.array([1.4, 2.0, 2.2, 2.3, 2.4, 2.5, 2.5, 2.8]))
        assert (actual.low, actual.high) == pytest.approx((1.911, 2.614), abs=1e-3)

    @given(VALUES)
    def test_an_interval_contains_its_estimate(self, values):
        actual = estimates.mean(np.array(values))
        assert np.isnan(actual.low) or actual.low < actual.value < actual.high

    def test_no_spread_gives_no_interval(self):
        for x in (np.array([0.1 + 0.2, 0.3, 0.3]), np.array([0.3])):
            actual = estimates.mean(x)
            assert np.isnan([actual.low, actual.high, actual.p_value]).all()
            assert actual.value == pytest.approx(0.3)
        one_seed = estimates.unpaired_difference(np.array([0.3]), np.array([0.1, 0.2]))
        same = estimates.unpaired_difference(np.array([0.3, 0.3]), np.array([0.1, 0.1]))
        assert np.isnan([one_seed.low, same.low]).all()


def test_holm_equals_p_adjust_of_r():
    """R: p.adjust(c(0.03, 0.01, 0.05, 0.02, 0.04), "holm")."""
    assert estimates.holm([0.03, 0.01, 0.05, 0.02, 0.04]) == pytest.approx(
        [0.09, 0.05, 0.09, 0.08, 0.09]
    )
    with_gap = estimates.holm([0.01, np.nan, 0.02])
    assert with_gap[[0, 2]] == pytest.approx([0.02, 0.02]) and np.isnan(with_gap[1])
    assert estimates.holm([0.9, 0.8]).tolist() == [1, 1] and estimates.holm([]).size == 0


class TestEffect:
    #: Hedges (1981), table 1: c(m), to four digits.
    TABLE = {2: 0.5642, 3: 0.7236, 4: 0.7979, 10: 0.9228, 20: 0.9619}

    @pytest.mark.parametrize("df", TABLE)
    def test_hedges_correction_equals_his_table(self, df):
        x = rng().normal(size=df + 1)
        plain = x.mean() / x.std(ddof=1)
        assert estimates.paired_effect_size(x) / plain == pytest.approx(self.TABLE[df], abs=6e-5)

    def test_it_is_unbiased(self):
        a, b = rng().normal(size=(20_000, 5)) + 0.8, rng().permuted(rng().normal(size=(20_000, 5)))
        assert estimates.paired_effect_size(a).mean() == pytest.approx(0.8, abs=0.02)
        assert estimates.unpaired_effect_size(a, b[::-1]).mean() == pytest.approx(0.8, abs=0.02)


class TestProportion:
    @pytest.mark.parametrize(("wins", "n"), [(0, 5), (3, 10), (20, 20)])
    def test_wilson(self, wins, n):
        ends = stats.binomtest(wins, n).proportion_ci(method="wilson")
        share, low, high = estimates.proportion(wins, n)
        assert (share, low, high) == pytest.approx((wins / n, ends.low, ends.high), abs=1e-9)


def _rows(name, arm, study):
    """Runs of an optimizer in a simulated study."""
    val, test = arm.validation[study] + 9, arm.test[study] + 9
    selection, ranking, best = arm.design.selection_seeds, val.shape[1], val.mean(axis=1).argmin()
    rows = [
        (name, lr + 1.0, seed, val[lr, seed], test[lr, seed])
        for lr in range(len(val))
        for seed in range(ranking)
    ]
    # Settings that are no candidates have larger errors on the selection seeds.
    worse = range(len(val) if ranking > selection else 0)
    rows += [(name, lr + 100.0, seed, 99.0, 99.0) for lr in worse for seed in range(selection)]
    if arm.design.evaluation_seeds:
        reported = zip(arm.reported_validation[study], arm.reported[study], strict=True)
        rows += [(name, best + 1.0, ranking + i, v + 9, t + 9) for i, (v, t) in enumerate(reported)]
    return rows


class TestSimulation:
    """A small part of scripts/simulate_verdicts, with its promises."""

    @pytest.mark.parametrize("noise", ["normal", "lognormal", "exponential", "bad seeds"])
    @pytest.mark.parametrize("n", [5, 10, 20])
    def test_paired_intervals_contain_the_true_value(self, noise, n):
        values = simulation_intervals.sample(rng(), noise, "paired", (10_000, n))
        actual = estimates.mean(values)
        held = ((actual.low <= 0) & (actual.high >= 0)).mean()
        assert 0.93 <= held <= 0.975
        if n == 5:
            bootstraps = simulation_intervals.bootstraps(rng(), values[:1000])
            low, high = bootstraps["percentile bootstrap"]
            assert ((low <= 0) & (high >= 0)).mean() < 0.87

    @pytest.mark.parametrize(("n", "least"), [(5, 0.90), (10, 0.92), (20, 0.93)])
    def test_intervals_of_trained_runs_contain_the_true_mean(self, n, least):
        """Means of seeds drawn from 25 trained ones, whose mean is known."""
        runs = pd.read_parquet(ROOT / "results" / "decoupling" / "runs")
        for _, group in runs.groupby(["optimizer", "lr", "wd"]):
            if len(group) > 20:
                seeds = group["test_error"].to_numpy(float)
                actual = estimates.mean(rng().choice(seeds, (10_000, n)))
                held = (actual.low <= seeds.mean()) & (seeds.mean() <= actual.high)
                assert least <= held.mean() <= 0.97

    @pytest.mark.parametrize(
        ("surface", "settings", "design", "examples", "plain_is_wrong"),
        [
            ("flat", (36, 36), (5,), (0.0, 0.0), False),
            ("flat", (36, 1), (10,), (0.0, 0.0), True),
            ("flat", (36, 1), (3, 10), (0.0, 0.0), False),
            ("bowl", (36, 36), (3, 20), (0.0, 0.0), True),
            ("bowl", (36, 36), (20,), (0.5, 0.1), True),
            ("bowl", (36, 36), (5, 100, 5, 10), (0.5, 0.1), True),
            ("wide", (36, 36), (5, 100, 5, 10), (0.0, 0.0), True),
        ],
    )
    def test_verdicts_claim_no_difference_where_there_is_none(
        self, surface, settings, design, examples, plain_is_wrong
    ):
        stages = simulation_studies.Design(*design)
        scenario = simulation_studies.Scenario(
            surface, "normal", settings, stages, examples=examples
        )
        verdict, plain = simulation_selection.claims(scenario, 600)
        assert verdict <= 0.065
        assert (plain > 0.08) == plain_is_wrong

    def test_candidates_find_differences_that_earlier_verdicts_missed(self):
        """With as many runs of an optimizer as 5 selection and 20 evaluation seeds."""
        detected = [
            simulation_selection.claims(
                simulation_studies.Scenario("wide", "normal", (64, 64), design, better=0.75),
                200,
                earlier=earlier,
            )[0]
            for design, earlier in (
                (simulation_studies.Design(5, 20), True),
                (simulation_studies.Design(3, 98, 5, 10), False),
            )
        ]
        assert detected[0] < 0.5 and detected[1] > 0.75

    @pytest.mark.parametrize("design", [(5,), (5, 6), (5, 6, 5, 3)])
    def test_simulated_studies_have_the_verdicts_of_real_ones(self, design):
        """The same numbers as rows of runs give the same choice, difference, p and selection bias."""
        stages = simulation_studies.Design(*design)
        s = simulation_studies.Scenario("bowl", "exponential", (12, 10), stages)
        draws = rng()
        seeds = draws.standard_normal((5, stages.seeds))
        arms = [simulation_studies.simulated(draws, s, n, seeds) for n in s.settings]
        a, b = arms
        actual = estimates.mean(a.reported - b.reported)
        allowed = selection_p_value(actual, a.bias(), b.bias())
        for study in range(5):
            rows = [
                row for name, arm in zip("ab", arms, strict=True) for row in _rows(name, arm, study)
            ]
            row = comparisons(RunTable(runs_from(rows))).iloc[0]
            assert row["estimate"] == pytest.approx(actual.value[study])
            assert row["p_value"] == pytest.approx(actual.p_value[study])
            # SelectionBias draws its noise in another order.
            expected = max(allowed[study], actual.p_value[study])
            assert row["p_choice"] == pytest.approx(expected, abs=0.06)

    def test_the_page_has_the_tables(self):
        page = (ROOT / "docs" / "statistics.md").read_text()
        assert simulation_intervals.proportions() in page
        for name in (
            "paired",
            "one noisier",
            "single",
            "real runs",
            "false claims",
            "true claims",
            "designs",
        ):
            table = page.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]
            assert table.count("\n|") > 4, name
