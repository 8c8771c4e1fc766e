"""``lr_wd=``: the product of lr and weight decay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.config.decay_product import decay_of_product
from adamcmp.errors import ConfigError


@given(st.floats(1e-12, 1e3), st.floats(1e-6, 1e3))
def test_the_product_is_that_of_the_weight_decay(product, lr):
    assert decay_of_product(product, lr) * lr == pytest.approx(product, rel=1e-15)


def test_a_grid_over_the_product_has_the_runs_of_the_typed_weight_decays(composer):
    """In both orders of the overrides, and where lr is in each yaml file."""
    lr, product = "lr=3e-3,1e-2", "lr_wd=3e-5,1e-4"
    runs = composer.sweep(["optimizer=adamw,sgdw", lr, product]).runs
    pairs = [(run.optimizer.lr, run.optimizer.weight_decay) for run in runs[:4]]
    assert pairs == [(3e-3, 1e-2), (3e-3, 1e-4 / 3e-3), (1e-2, 3e-3), (1e-2, 1e-2)]
    typed = composer.sweep(["optimizer=adamw", "lr,wd=3e-3:0.01,1e-2:0.01"]).runs
    assert [runs[0], runs[3]] == list(typed)
    assert set(composer.sweep([product, lr, "optimizer=sgdw,adamw"]).runs) == set(runs)
    (run,) = composer.run(["optimizer=sgdw", "lr_wd=0.05"]).runs
    assert (run.optimizer.lr, run.optimizer.weight_decay) == (0.1, 0.5)


def test_optimizers_without_weight_decay_are_one_run_per_learning_rate(composer):
    runs = composer.sweep(["optimizer=adam", "lr=1e-3,1e-2", "lr_wd=0,1e-5"]).runs
    assert len(set(runs)) == 2 and {run.optimizer.weight_decay for run in runs} == {0.0}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("lr_wd=1e-3 wd=0.1", "lr_wd=1e-3 and wd=0.1: set only one of them"),
        ("lr_wd=1e-3 lr=0", "lr_wd=0.001: sets wd = lr_wd / lr, so lr should not be 0"),
        ("lr_wd=-1", "lr_wd=-1: should be a number of at least 0"),
        ("lr_wd=big", "lr_wd=big: should be a number of at least 0"),
        ("lr_wd=1e300 lr=1e-300", "wd would be too large"),
        ("lr_wd=1 lr=big", "lr=big: should be a number"),
    ],
)
def test_errors(composer, overrides, message):
    with pytest.raises(ConfigError, match=message):
        composer.run(overrides.split())
