"""Comparisons as sentences; `test_comparisons.py` checks the sentence of each kind of comparison."""

import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from tests.support.seeded_runs import A, B, at_setting, runs_from


def sentence_of(*arms):
    table = analysis.comparisons(RunTable(runs_from([row for arm in arms for row in arm])))
    return analysis.sentence(table.iloc[0])


class TestSentence:
    def test_two_optimizers_with_identical_results(self):
        row = analysis.comparisons(
            RunTable(runs_from([*at_setting("adamw", A), *at_setting("amsgradw", A)]))
        ).iloc[0]
        assert "have the same test error on all 6 seeds" in analysis.sentence(row)

    def test_the_same_results_on_other_seeds_are_equal_means(self):
        # The mean of their differences is -2.8e-17.
        errors, reordered = [0.1, 0.2, 0.4, 0.7], [0.4, 0.7, 0.2, 0.1]
        runs = runs_from([*at_setting("adamw", errors), *at_setting("sgd", reordered)])
        row = analysis.comparisons(RunTable(runs)).iloc[0]
        assert row["estimate"] == 0
        assert "on test error: their means are equal (95 % interval" in analysis.sentence(row)

    def test_one_point_is_singular(self):
        worse = [error + 0.01 for error in A]
        worse[0] += 0.01  # equal differences have no interval
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", worse)])
        row = {**analysis.comparisons(RunTable(runs)).iloc[0], "ci_low": -0.1, "ci_high": 0.08}
        assert "by 1 point (" in analysis.sentence(row)

    @pytest.mark.parametrize(
        ("losses", "expected"),
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
    def test_the_sentence_compares_training_losses(self, losses, expected, order):
        runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)][::order])
        first = runs["optimizer"] == "adamw"
        runs["train_loss"] = [
            losses(seed)[0 if is_first else 1]
            for seed, is_first in zip(runs["seed"], first, strict=True)
        ]
        assert expected in analysis.sentence(analysis.comparisons(RunTable(runs)).iloc[0])
