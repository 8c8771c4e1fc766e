"""The order of optimizers, problems and runs."""

from hypothesis import given
from hypothesis import strategies as st

from adamcmp.analysis.ordering import in_display_order, ordered
from tests.support.random_numbers import rng
from tests.support.seeded_runs import A, B, at_setting, runs_from


@given(st.lists(st.text("ab1.-e ", max_size=6)), st.randoms())
def test_the_order_does_not_depend_on_that_of_the_names(names, random):
    shuffled = random.sample(names, len(names))
    assert ordered(shuffled) == ordered(names)
    assert sorted(ordered(names)) == sorted(set(names))


def test_common_optimizers_come_first():
    assert ordered(["lion", "sgd", "adafactor", "adam_l2"]) == [
        "adam_l2", "sgd", "adafactor", "lion"
    ]  # fmt: skip


def test_runs_do_not_depend_on_the_order_in_which_they_finished():
    rows = [*at_setting("sgd", A), *at_setting("adamw", B, lr=0.1), *at_setting("adamw", A, lr=1.0)]
    runs = runs_from(rows)
    shuffled = runs.iloc[rng().permutation(len(runs))]
    expected = in_display_order(runs)
    assert in_display_order(shuffled).equals(expected)
    assert expected["optimizer"].tolist() == ["adamw"] * 12 + ["sgd"] * 6
    assert expected["lr"].iloc[:12].is_monotonic_increasing
