"""Coordinates in which surfaces collapse, on surfaces for which the right one is known."""

import numpy as np
import pytest

from adamcmp import analysis
from adamcmp.analysis import RunTable, coordinates
from tests.support.gridded import grid, in_basin, runs, stacked, without_val


def collapse(table):
    """Return the shares in the basin of 0.1."""
    return in_basin(analysis.collapse(table))


def along(a: float, b: float = 0.0, steps: float = 1000):
    """Best where log wd + a·log lr + b·log steps is 0 (at 1000 steps); best lr 1."""
    shift = b * np.log10(steps / 1000)
    return lambda x, y: 0.2 + 0.001 * x**2 + 0.002 * (y + a * x + shift) ** 2


def shares(frame) -> dict[str, float]:
    return collapse(RunTable(frame)).set_index("coordinate")["estimate"].to_dict()


def test_the_forms_of_weight_decay():
    frame = runs(along(0), [(0.1, 0.02)], 1)
    forms = coordinates(frame).iloc[0]
    assert forms.tolist() == pytest.approx([0.02, 0.002, 0.02 * 1000**0.5, 1 / (0.002 * 1000)])
    independent = coordinates(frame.assign(coupling="independent")).iloc[0]
    assert independent["time scale"] == pytest.approx(1 / (0.02 * 1000))
    given = coordinates(frame.assign(**{"optimizer.normalized": True})).iloc[0]
    assert given[["wd_norm", "wd"]].tolist() == pytest.approx([0.02, 0.02 / 1000**0.5])
    # b, B and T of the paper: wd_norm = wd / √(b / (B·T)), and steps are B·T/b
    assert forms["wd_norm"] == pytest.approx(0.02 / (100 / (10_000 * 10)) ** 0.5)


class TestOneBudget:
    @pytest.mark.parametrize(("a", "right"), [(0, "wd"), (1, "lr·wd")])
    def test_the_right_coordinate_collapses(self, a, right):
        actual = shares(runs(along(a), grid()))
        assert actual[right] == pytest.approx(1)
        wrong = {"wd": "lr·wd", "lr·wd": "wd"}[right]
        assert actual[wrong] < 0.9

    def test_at_one_budget_some_coordinates_are_equal(self):
        actual = shares(runs(along(0.5), grid()))
        assert actual["wd"] == pytest.approx(actual["wd_norm"])
        assert actual["lr·wd"] == pytest.approx(actual["time scale"])
        apart = shares(runs(along(0.5), grid(), coupling="independent"))
        assert apart["wd"] == pytest.approx(apart["time scale"])

    def test_the_share_is_that_of_the_cross_term(self):
        # y² + 2a·xy against a curve over y: on a centred grid xy is orthogonal to y and y²
        x, y = np.log10(np.array(grid())).T
        square = (y**2 - y.var()) @ (y**2 - y.var())
        expected = square / (square + (x * y) @ (x * y))
        assert shares(runs(along(0.5), grid()))["wd"] == pytest.approx(expected)

    @pytest.mark.slow
    def test_intervals_cover(self):
        rng = np.random.default_rng(0)
        noisy = [runs(along(1), grid(), 4, 0.003, rng, problem=f"p{i}") for i in range(40)]
        table = collapse(RunTable(stacked(*noisy)))
        right = table[table["coordinate"] == "lr·wd"]
        assert (right["ci_high"] >= 0.999).mean() >= 0.9 and len(right) == 40
        wrong = table[table["coordinate"] == "wd"]
        truth = shares(runs(along(1), grid()))["wd"]
        assert ((wrong["ci_low"] <= truth) & (truth <= wrong["ci_high"])).mean() >= 0.88


class TestBudgets:
    @pytest.mark.parametrize(
        ("a", "b", "right"),
        [(0, 0, "wd"), (1, 0, "lr·wd"), (0, 0.5, "wd_norm"), (1, 1, "time scale")],
    )
    def test_several_budgets_distinguish_all_four_coordinates(self, a, b, right):
        frame = stacked(*(
            runs(along(a, b, steps), grid(), epochs=steps // 100, steps=steps)
            for steps in (250, 1000, 4000)
        ))  # fmt: skip
        table = collapse(RunTable(frame))
        actual = table.set_index("coordinate")["estimate"]
        assert actual[right] == pytest.approx(1) and (actual.drop(right) < 0.97).all()
        assert set(table["budgets"]) == {3} and table["fit"].to_numpy() == pytest.approx(1)


@pytest.mark.parametrize(
    "frame",
    [
        runs(along(0), grid()).iloc[:0],
        runs(along(0), grid(wd=[0.0])),
        runs(along(0), [(0.1, 0.1)]),
        runs(along(0), grid(lr=[0.1, 1], wd=[0.1, 1])),  # too few cells for a quadratic
        without_val(runs(along(0), grid())),
    ],
)
def test_optimizers_with_too_few_cells_have_no_row(frame):
    assert collapse(RunTable(frame)).empty
