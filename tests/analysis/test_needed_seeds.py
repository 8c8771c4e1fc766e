"""What the sentence of a comparison says about few seeds, power, and the seeds to add."""

import numpy as np
import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable
from adamcmp.analysis.needed_seeds import more_seeds_note
from tests.support.seeded_runs import A, B, at_setting, runs_from


def row_of(*arms):
    table = analysis.comparisons(RunTable(runs_from([row for arm in arms for row in arm])))
    return table.iloc[0].to_dict()


def sentence_of(*arms):
    return analysis.sentence(row_of(*arms))


@pytest.mark.parametrize(
    ("n", "expected"), [(2, "9.0 times as large"), (3, "2.5 times"), (4, None)]
)
def test_few_seeds_are_little_evidence(n, expected):
    level = sentence_of(at_setting("adamw", A[:n]), at_setting("sgd", A[n:0:-1]))
    beats = sentence_of(at_setting("adamw", A[:n]), at_setting("sgd", [0.9, 0.91, 0.9, 0.92][:n]))
    if expected is None:
        assert "evidence" not in beats and "very few" not in level
    else:
        assert f"{n} seeds are very few: a difference is significant only if" in level
        assert expected in level and f"{n} seeds are little evidence" in beats


def test_no_significant_difference_states_what_would_have_been_detected():
    """Of differences with standard deviation 1, 80 % of studies of 10 seeds detect 0.997."""
    noise = np.array([1, -1] * 5) / (10 / 9) ** 0.5 / 100
    text = sentence_of(at_setting("adamw", [0.2] * 10), at_setting("sgd", 0.2 + noise))
    assert "; a true difference of at least 1.0 points would have been detected with" in text


@pytest.mark.parametrize(("of_settings", "expected"), [(0.009, "points between the optimizers, or 0.9 points between these two settings, would"), (0.026, "points would")])  # fmt: skip
def test_what_would_have_been_detected_names_the_selection(of_settings, expected):
    """A difference between two settings is found more easily than one between optimizers."""
    runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", A[::-1])])
    row = {**analysis.comparisons(RunTable(runs)).iloc[0], "detectable": 0.027}
    row |= {"detectable_settings": of_settings}
    assert f"a true difference of at least 2.7 {expected} have been" in analysis.sentence(row)


@pytest.mark.parametrize(
    ("needed", "expected"),
    [(7, "; 1 more seed would"), (25, "; 19 more seeds would"), (50, "; about 45 more seeds would"),
     (500, "; about 490 more seeds would"), (6, ""), (float("nan"), "")],
)  # fmt: skip
def test_numbers_of_seeds_are_rounded(needed, expected):
    row = row_of(at_setting("adamw", A), at_setting("sgd", B))
    oriented = {**row, "seeds_needed": needed, "settles": 0.01, "low": -0.01, "high": 0.02}
    note = more_seeds_note(oriented)
    assert note.startswith(expected) and bool(note) == bool(expected)


def test_no_number_of_seeds_is_enough():
    row = row_of(at_setting("adamw", A), at_setting("sgd", B))
    oriented = {**row, "seeds_needed": float("inf"), "settles": 0.01, "low": -0.01, "high": 0.02}
    oriented |= {"lead": 0.01, "settings_a": 9, "settings_b": 4}
    assert more_seeds_note(oriented) == (
        ". Selection among 9 and 4 settings could explain this; add selection seeds "
        "or validation examples, not evaluation seeds"
    )
    covered = {**oriented, "covers": "seeds and examples", "ci_examples": 0.02}
    assert "; use a larger test set" in more_seeds_note(covered)
