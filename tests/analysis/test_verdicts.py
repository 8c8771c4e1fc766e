"""The verdict on a problem."""

import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.question import Question
from adamcmp.errors import ConfigError
from adamcmp.storage.looks import LookRecord
from tests.support.seeded_runs import NAN, A, B, at_setting, runs_from


class TestVerdict:
    def test_a_leader_that_beats_all(self):
        runs = runs_from(
            [
                *at_setting("adamw", A),
                *at_setting("adam_l2", B),
                *at_setting("sgd", [b + 0.1 for b in B[::-1]]),
            ]
        )
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.problem == "d, m"
        assert verdict.overall == "AdamW is best on test error: it beats SGD and Adam+L2."
        first = verdict.pairs[0]
        assert len(verdict.pairs) == 3 and "beats" in first
        assert "6 paired seeds" in first and "Holm-adjusted p" in first

    def test_a_leader_that_does_not_differ_significantly_from_another(self):
        runs = runs_from(
            [*at_setting("adamw", A), *at_setting("amsgrad", A[::-1]), *at_setting("sgd", B)]
        )
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert (
            "is not significantly different from" in verdict.overall
            and "it beats SGD" in verdict.overall
        )
        level = verdict.pairs[-1]
        assert level.startswith("No significant difference between")
        assert "AMSGrad" in level and "more seeds would detect a difference of" in level

    def test_an_optimizer_without_completed_runs_does_not_lead(self):
        diverged = [("sgd", 0.1, s, NAN, NAN, "diverged") for s in range(6)]
        runs = runs_from([*diverged, *at_setting("adamw", A), *at_setting("adam_l2", B)])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.overall == (
            "AdamW is best on test error: it beats Adam+L2. No run of SGD completed."
        )

    def test_comparisons_with_a_baseline(self):
        arms = {"adamw": A, "sgd": B, "adam": A[::-1], "lion": [a - 0.1 for a in B]}
        rows = [row for name, errors in arms.items() for row in at_setting(name, errors)]
        table = RunTable(runs_from(rows)).asking(Question("AdamW"))
        (verdict,) = analysis.verdicts(analysis.comparisons(table))
        assert verdict.overall == (
            "Compared with AdamW on test error: Lion is better; SGD is worse; Adam is not "
            "significantly different."
        )
        assert {row["a"] for row in verdict.rows} == {"adamw"} and len(verdict.rows) == 3
        assert {row["adjustment"] for row in verdict.rows} == {"max-T"}
        assert verdict.family.startswith("The 3 comparisons with AdamW on test error are one")
        assert "If noise is skewed, and differs in size between AdamW and" in verdict.family
        assert "with another baseline, is a further family" in verdict.family
        assert any("max-T-adjusted p" in sentence for sentence in verdict.pairs)

    def test_many_undecided_optimizers_are_counted(self):
        arms = {"adamw": A, "sgd": B} | {f"other{i}": A for i in range(9)}
        rows = [row for name, errors in arms.items() for row in at_setting(name, errors)]
        table = RunTable(runs_from(rows)).asking(Question("adamw"))
        (verdict,) = analysis.verdicts(analysis.comparisons(table))
        assert verdict.overall.endswith("SGD is worse; 9 others are not significantly different.")

    def test_fewer_than_six_seeds_with_a_baseline_have_holms_correction(self):
        arms = {"adamw": A[:5], "sgd": B[:5], "lion": A[1:]}
        rows = [row for name, errors in arms.items() for row in at_setting(name, errors)]
        table = RunTable(runs_from(rows)).asking(Question("adamw"))
        (verdict,) = analysis.verdicts(analysis.comparisons(table))
        assert "Holm's correction; max-T needs six paired seeds" in verdict.family

    def test_a_comparison_with_little_noise_detects_what_the_median_one_does(self):
        """SGD and AdamW differ by a hundredth of what the noise of the others is."""
        quiet = [a + 0.0001 * (-1) ** i for i, a in enumerate(A)]
        arms = {"adamw": A, "sgd": quiet, "adam": B, "lion": [a - 0.1 for a in B]}
        rows = [row for name, errors in arms.items() for row in at_setting(name, errors)]
        table = RunTable(runs_from(rows))
        by_question = [
            analysis.comparisons(each).set_index(["a", "b"]).loc[("adamw", "sgd")]
            for each in (
                table.asking(Question("adamw")),
                table.where(table.runs["optimizer"].isin(["adamw", "sgd"])),
            )
        ]
        for column in ("detectable", "seeds_needed"):
            assert by_question[0][column] > 2 * by_question[1][column]

    def test_an_unknown_baseline_is_refused(self):
        table = RunTable(runs_from(at_setting("adamw", A)))
        with pytest.raises(ConfigError, match=r"'adamx' is not an .* Did you mean 'adamw'"):
            table.asking(Question("adamx"))

    @pytest.mark.parametrize(("optimizers", "recommended"), [(6, False), (7, True)])
    def test_many_optimizers_are_told_of_the_baseline(self, optimizers, recommended):
        rows = [row for i in range(optimizers) for row in at_setting(f"o{i}", A)]
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs_from(rows))))
        assert ("--baseline NAME" in verdict.family) == recommended

    def test_no_leader(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("amsgrad", A[::-1])])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.overall.startswith("No best optimizer on test error:")


class TestMissingRuns:
    arms = {"adamw": A, "sgd": B, "adam": [a + 0.01 for a in A]}
    rows = [row for name, errors in arms.items() for row in at_setting(name, errors)]

    @pytest.mark.parametrize("baseline", [None, "sgd"])
    def test_make_the_headline_interim(self, baseline):
        table = RunTable(runs_from(self.rows)).recorded_as({}, LookRecord(missing_runs=3))
        table = table.asking(Question(baseline))
        finding = analysis.Finding("missing", "warning", "s", "A text.", undermines="missing runs")
        (verdict,) = analysis.verdicts(analysis.comparisons(table), [finding])
        assert verdict.overall == (
            "Interim (missing runs): AdamW leads on test error. Nothing is claimed before the 3 "
            "missing runs have ended."
        )
        assert {row["better"] for row in verdict.rows} == {""}


class TestFindings:
    table = RunTable(runs_from([*at_setting("adamw", A), *at_setting("sgd", B)]))

    def overall(self, *findings):
        (verdict,) = analysis.verdicts(analysis.comparisons(self.table), findings)
        return verdict.overall

    def finding(self, undermines, problem="d, m"):
        return analysis.Finding("edge", "warning", problem, "A text.", undermines=undermines)

    def test_that_undermine_a_verdict_make_it_provisional(self):
        edge, seeds = self.finding("edges"), self.finding("few seeds")
        assert self.overall(edge, seeds, edge).startswith(
            "Provisional (edges; few seeds): AdamW is best on test error"
        )

    def test_on_the_study_concern_all_problems(self):
        assert self.overall(self.finding("missing runs", "my_study")).startswith("Provisional (m")

    def test_that_undermine_nothing(self):
        assert self.overall(self.finding("")).startswith("AdamW is best")

    def test_edges_and_diverged_runs(self):
        """Both optima on the edge and most runs diverged: a significant lead is provisional."""
        rows = [
            (name, lr, seed, error, error, *(["diverged"] if lr > 0.1 else []))
            for name, errors in (("sgd", A), ("adamw", B))
            for lr in (0.1, 1.0, 10.0)
            for seed, error in enumerate(errors)
        ]
        runs = runs_from(rows)
        runs.loc[runs["status"] == "diverged", ["val_error", "test_error"]] = NAN
        table = RunTable(runs)
        (verdict,) = analysis.verdicts(analysis.comparisons(table), analysis.audit(table))
        assert verdict.overall.startswith(
            "Provisional (best settings on the edges of their grids): SGD is best"
        )
