"""Settings that make the budgets of optimizers more equal."""

import pytest

from adamcmp.analysis import Edge, RunTable
from adamcmp.workflows.equal_budgets import widened_edges
from tests.support.gridded import runs, stacked

PROBLEM = "d, m"
MANY = [(10.0**i, 10.0**j) for i in range(-4, 0) for j in range(-4, 0)]


def edges_of(
    few, *, ahead="adamw", surface=lambda x, y: 0.3 + 0.01 * (x + 3) ** 2 + 0.01 * (y + 2) ** 2
):
    """Return the edges that are widened if AdamW has 16 settings and SGD a few."""
    best = {"adamw": 0.3, "sgd": 0.3, ahead: 0.2}
    adamw = runs(lambda x, y: surface(x, y) + best["adamw"], MANY, 2)
    sgd = runs(lambda x, y: surface(x, y) + best["sgd"], few, 2, optimizer="sgd")
    return widened_edges(RunTable(stacked(adamw, sgd).assign(study="s")))


def test_the_edge_nearest_to_the_best_setting():
    """The best lr is the second of three, the best wd the third of three: 9 + 3 settings."""
    grid = [(10.0**i, 10.0**j) for i in range(-4, -1) for j in range(-4, -1)]
    assert edges_of(grid) == [Edge(PROBLEM, "sgd", "wd", 0.01, 0.1)]


def test_no_settings_for_an_optimizer_that_is_ahead_or_has_enough():
    grid = [(10.0**i, 10.0**j) for i in range(-4, -1) for j in range(-4, -1)]
    assert edges_of(grid, ahead="sgd") == []
    assert edges_of(MANY[:13]) == []


@pytest.mark.parametrize(
    "few",
    [
        [(0.1, 0.1)],  # a single setting
        [(1e-3, 1e-3), (1e-2, 1e-2), (1e-1, 1e-1)],  # each lr has one wd
    ],
)
def test_settings_that_are_no_grid(few):
    assert edges_of(few) == []


def test_not_more_settings_than_the_others_have():
    """The best lr is on the edge, but the 10 settings beyond it would be 21 in total."""
    grid = [(1e-3, 10.0**-j) for j in range(10)]
    assert edges_of([*grid, (1e-4, 1e-2)]) == [Edge(PROBLEM, "sgd", "lr", 1e-4, 1e-5)]
    assert edges_of([*grid[:8], (1e-4, 1e-2)]) == [Edge(PROBLEM, "sgd", "lr", 1e-3, 1e-2)]
