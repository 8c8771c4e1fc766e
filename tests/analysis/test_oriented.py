"""Comparisons with the leading optimizer first."""

import pytest

from adamcmp.analysis import RunTable, comparisons
from adamcmp.analysis.oriented import (
    covers_examples,
    format_number,
    margin_text,
    orient,
    with_unit,
)
from tests.support.seeded_runs import A, B, at_setting, runs_from


def row_of(first, second, metric=None):
    runs = runs_from([*at_setting("adamw", first), *at_setting("sgd", second)])
    return comparisons(RunTable(runs), metric).iloc[0].to_dict()


@pytest.mark.parametrize("metric", ["test_error", "test_accuracy"])
@pytest.mark.parametrize(("errors", "leader"), [((A, B), "adamw"), ((B, A), "sgd")])
def test_the_lead_is_positive(metric, errors, leader):
    row = row_of(*errors, metric)
    oriented = orient(row)
    assert oriented["a"] == leader and oriented["lead"] == pytest.approx(abs(row["estimate"]))
    assert 0 < oriented["low"] < oriented["lead"] < oriented["high"]
    assert oriented["high"] - oriented["low"] == pytest.approx(row["ci_high"] - row["ci_low"])


def test_numbers_of_an_arm_go_with_it():
    row = {**row_of(B, A), "diverged_a": 1, "settings_a": 7}
    oriented = orient(row)
    assert (oriented["diverged_b"], oriented["settings_b"], oriented["diverged_a"]) == (1, 7, 0)


def test_digits_are_those_of_the_interval():
    oriented = {**orient(row_of(A, B)), "low": 0.01, "high": 0.03}
    assert format_number(0.0234, oriented) == "2.3" and with_unit(0.0234, oriented) == "2.3 points"
    assert with_unit(0.01, {**oriented, "low": -0.1, "high": 0.3}) == "1 point"
    assert format_number(0.0234, {**oriented, "low": float("nan")}) == "2.34"


def test_margins_have_a_unit():
    assert margin_text({"metric": "test_error", "margin": 0.005}) == "0.5 points"
    assert margin_text({"metric": "test_error", "margin": 0.01}) == "1 point"
    assert margin_text({"metric": "test_loss", "margin": 0.01}) == "0.01"


def test_intervals_that_cover_test_examples():
    assert covers_examples({"covers": "seeds, data and examples"})
    assert not covers_examples({"covers": "seeds and data"})
