"""The check whether intervals cover the test examples."""

from adamcmp.analysis import RunTable
from adamcmp.analysis.audit.samples import check
from tests.support.example_outcomes import drawn, table_with_outcomes
from tests.support.random_numbers import rng
from tests.support.seeded_runs import A, B, at_setting, runs_from


def test_stored_outcomes_give_no_finding():
    wrong = drawn(rng(), {"adamw": 1, "sgd": 1}, seeds=3, examples=50)
    assert not list(check(table_with_outcomes(wrong)))


def test_a_part_of_a_large_test_set_is_named():
    wrong = drawn(rng(), {"adamw": 1, "sgd": 1}, seeds=3, examples=50)
    (finding,) = check(table_with_outcomes(wrong, total=20_000))
    assert finding.severity == "note" and "from 50 of the 20,000 test examples" in finding.text


def test_a_single_optimizer_gives_no_finding():
    assert not list(check(RunTable(runs_from(at_setting("adamw", A)))))


def test_the_bound_of_errors_is_given():
    runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)])
    (finding,) = check(RunTable(runs))
    assert (finding.severity, finding.problem) == ("note", "d, m")
    assert "cover seeds only" in finding.text and "at most ±13.4 points" in finding.text


def test_losses_have_no_bound():
    runs = runs_from([*at_setting("adamw", A), *at_setting("sgd", B)], regression=True)
    (finding,) = check(RunTable(runs))
    assert "at most" not in finding.text
