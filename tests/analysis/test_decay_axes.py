"""The axes of grids over lr and wd, and over lr and their product."""

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.analysis.decay_axes import axis_values, grid_axes
from adamcmp.config.decay_product import decay_of_product


def grid(rates, decays):
    return pd.DataFrame(list(itertools.product(rates, decays)), columns=["lr", "wd"])


def product_grid(rates, products):
    pairs = [(lr, decay_of_product(p, lr)) for lr, p in itertools.product(rates, products)]
    return pd.DataFrame(pairs, columns=["lr", "wd"])


NUMBERS = st.lists(st.integers(-20, 20), min_size=2, max_size=6, unique=True)


@given(NUMBERS, NUMBERS)
def test_the_axes_are_those_of_the_grid(rates, others):
    rates, others = ([10 ** (i / 4) for i in exponents] for exponents in (rates, others))
    assert grid_axes(grid(rates, others)) == ("lr", "wd")
    cells = product_grid(rates, others)
    assert grid_axes(cells) == ("lr", "lr_wd")
    assert axis_values(cells, "lr_wd").tolist() == pytest.approx(others * len(rates), rel=1e-8)


def test_pairs_zeros_and_single_values_are_no_grid_over_the_product():
    for cells in (
        grid([0.1, 0.01], [0, 0.1, 0.01]),
        grid([0.1], [0.1, 0.2]),
        grid([0.1, 0.2], [0.1]),
        product_grid([0.1, 0.2, 0.3], [0.1]),
    ):
        assert grid_axes(cells) == ("lr", "wd")
