"""Exact tests of how often two arms diverge, against closed forms and scipy."""

import math

import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.arms import Arm
from adamcmp.analysis.divergence import divergence_test
from tests.support.seeded_runs import NAN, runs_from


def rows(name, seeds, diverged, lr=0.1):
    return [
        (name, lr, s, NAN, NAN, "diverged") if s in diverged else (name, lr, s, 0.3, 0.3)
        for s in seeds
    ]


def arm(name, seeds, diverged):
    return Arm.select(name, RunTable(runs_from(rows(name, seeds, diverged))))


def test_paired_seeds_have_mcnemars_exact_test():
    """On 2 seeds both diverge, on 6 only one, on 1 only the other."""
    test = divergence_test(arm("x", range(12), range(8)), arm("y", range(12), [0, 1, 9]))
    assert test.name == "exact McNemar" and test.p_value == pytest.approx(2 * (1 + 7) / 2**7)


def test_other_seeds_have_fishers_exact_test():
    test = divergence_test(arm("x", range(10), range(9)), arm("y", range(20, 30), []))
    assert test.name == "Fisher's exact"
    # All 9 in one arm, or all in the other one.
    assert test.p_value == pytest.approx(2 * 10 / math.comb(20, 9))


def test_runs_that_all_complete_are_not_tested():
    assert math.isnan(divergence_test(arm("x", range(5), []), arm("y", range(5), [])).p_value)
    same = divergence_test(arm("x", range(5), [1]), arm("y", range(5), [1]))
    assert same.p_value == 1


@pytest.mark.parametrize(("settings", "factor"), [(1, 1), (2, 2), (3, 3)])
def test_an_arm_that_had_more_settings_needs_more_evidence(settings, factor):
    more = [row for i in range(settings) for row in rows("y", range(10), [], lr=i + 1)]
    selected = Arm.select("y", RunTable(runs_from(more)))
    test = divergence_test(arm("x", range(10), range(8)), selected)
    assert test.p_value == pytest.approx(factor * 2**-7)
