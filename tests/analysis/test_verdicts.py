"""The verdict on a problem."""

from adamcmp import analysis
from adamcmp.analysis import RunTable
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

    def test_no_leader(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("amsgrad", A[::-1])])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.overall.startswith("No best optimizer on test error:")


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
