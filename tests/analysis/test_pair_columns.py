"""The columns of one comparison: its power and its looks."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.looks import Looks
from adamcmp.storage.looks import Look, LookRecord
from tests.support.seeded_runs import A, B, at_setting, runs_from

#: Test errors that are worse than A, p = 0.02, and that are not significantly different.
NOISY = [0.23, 0.23, 0.21, 0.25, 0.23, 0.22]
EVEN = [0.22, 0.21, 0.23, 0.22, 0.23, 0.21]


def test_seeds_that_would_detect_the_difference():
    rng = np.random.default_rng(0)
    a = 0.3 + 0.01 * rng.normal(size=10)
    b = 0.3 + 0.01 * rng.normal(size=10)
    row = analysis.comparisons(
        RunTable(runs_from([*at_setting("adamw", a), *at_setting("sgd", b)]))
    ).iloc[0]
    assert row["better"] == "" and row["settles"] >= (row["ci_high"] - row["ci_low"]) / 4 - 1e-12
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
        assert verdict.overall == f"Interim: AdamW leads on test error. {note}"
        # Once the runs have ended, the level is that of a first look.
        assert self.row(EVEN, missing_runs=3)["seeds_needed"] < self.row(EVEN)["seeds_needed"]
