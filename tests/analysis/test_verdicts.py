"""Comparisons in sentences."""

import pytest

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

    def test_a_leader_that_cannot_be_told_from_one(self):
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

    def test_one_that_never_ended_does_not_lead(self):
        lost = [("sgd", 0.1, s, NAN, NAN, "diverged") for s in range(6)]
        runs = runs_from([*lost, *at_setting("adamw", A), *at_setting("adam_l2", B)])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.overall == (
            "AdamW is best on test error: it beats Adam+L2. No run of SGD completed."
        )

    def test_two_that_are_the_same(self):
        row = analysis.comparisons(
            RunTable(runs_from([*at_setting("adamw", A), *at_setting("amsgradw", A)]))
        ).iloc[0]
        assert "have the same test error on all 6 seeds" in analysis.sentence(row)

    def test_no_leader(self):
        runs = runs_from([*at_setting("adamw", A), *at_setting("amsgrad", A[::-1])])
        (verdict,) = analysis.verdicts(analysis.comparisons(RunTable(runs)))
        assert verdict.overall.startswith("No best optimizer on test error:")

    @pytest.mark.parametrize(
        ("losses", "overrides"),
        [
            (lambda i: (1.0 + 0.02 * (i % 2), 1.01), ", at equal training loss."),
            (
                lambda i: (1.0 + 0.9 * (i % 2), 1.4),
                ", with no significant difference in training loss.",
            ),
            (lambda i: (1.0 + 0.1 * (i % 2), 2.0), ", with training loss lower by 0.9"),
            (lambda i: (2.0 + 0.1 * (i % 2), 1.0), ", with training loss higher by 1.0"),
        ],
    )
    @pytest.mark.parametrize("order", [1, -1])
    def test_what_training_losses_say(self, losses, overrides, order):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)][::order])
        first = runs["optimizer"] == "adamw"
        runs["train_loss"] = [
            losses(seed)[0 if own else 1] for seed, own in zip(runs["seed"], first, strict=True)
        ]
        assert overrides in analysis.sentence(analysis.comparisons(RunTable(runs)).iloc[0])
