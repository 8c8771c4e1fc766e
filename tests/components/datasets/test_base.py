"""Splits, subsets and label noise."""

import numpy as np
import pytest

from adamcmp.config import build_component
from adamcmp.errors import ConfigError
from tests.support.datasets import load


def test_splits_are_disjoint_and_cover_all_examples():
    data = load(name="teacher", train_examples=500, test_examples=50, validation=0.25)
    assert (len(data.train), len(data.val)) == (375, 125)
    rows = {row.tobytes() for split in (data.train, data.val, data.test) for row in split.x}
    assert len(rows) == 550


def test_splits_depend_on_the_seed():
    one, same, other = (load(name="digits", split_seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.val.x, same.val.x)
    assert not np.array_equal(one.val.y, other.val.y)
    assert np.array_equal(one.test.y, other.test.y)  # the test set does not depend on the seed


class TestDataSeed:
    @pytest.mark.parametrize("name", ["digits", "teacher"])
    def test_training_and_validation_examples_depend_on_it(self, name):
        fixed, one, same, other = (load(name=name, data_seed=s) for s in (None, 1, "1", 2))
        assert one.set_ids == same.set_ids and np.array_equal(one.train.x, same.train.x)
        for data in (fixed, other):
            assert one.set_ids["val"] != data.set_ids["val"]
            assert one.set_ids["test"] == data.set_ids["test"]

    def test_generated_examples_are_new(self):
        one, other = (load(name="teacher", data_seed=s, validation=0) for s in (1, 2))
        assert not set(one.train.x.ravel()) & set(other.train.x.ravel())

    def test_other_examples_are_split_anew(self):
        one, other = (
            load(name="digits", data_seed=s, standardize=False, validation=0) for s in (1, 2)
        )
        rows = [{row.tobytes() for row in data.train.x} for data in (one, other)]
        assert rows[0] == rows[1]

    def test_of_a_run_is_its_seed(self):
        dataset = build_component("dataset", {"name": "digits", "data_seed": "seed"})
        assert dataset.for_run(3).load().set_ids == load(name="digits", data_seed=3).set_ids
        fixed = build_component("dataset", {"name": "digits", "data_seed": 5})
        assert fixed.for_run(3) is fixed

    def test_null_leaves_identities_unchanged(self):
        dataset = build_component("dataset", {"name": "digits", "data_seed": None})
        assert "data_seed" not in dataset.identity()

    @pytest.mark.parametrize("value", ["sed", -1, 1.5, True])
    def test_is_a_whole_number_or_the_word(self, value):
        with pytest.raises(ConfigError, match="whole number, or seed for the seed of each run"):
            load(name="digits", data_seed=value)

    def test_replaces_the_split_seed(self):
        with pytest.raises(ConfigError, match="data_seed=seed replaces split_seed=1"):
            load(name="digits", data_seed="seed", split_seed=1)


def test_subset_and_no_validation():
    data = load(name="mnist1d", subset=100, validation=0.0)
    assert (len(data.train), len(data.val), len(data.test)) == (100, 0, 1000)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_label_noise_replaces_exactly_its_share(share):
    clean, noisy = load(name="mnist1d"), load(name="mnist1d", label_noise=share)
    assert (clean.train.y != noisy.train.y).mean() == pytest.approx(share)
    assert np.array_equal(clean.val.y, noisy.val.y) and np.array_equal(clean.test.y, noisy.test.y)
    assert set(np.unique(noisy.train.y)) <= set(range(10))


def test_target_noise_for_regression():
    regression = {"name": "teacher", "task": "regression", "train_examples": 20_000}
    clean, noisy = load(**regression), load(**regression, label_noise=0.5)
    ratio = (noisy.train.y - clean.train.y).std() / clean.train.y.std()
    assert ratio == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"subset": 9999}, "mnist1d has 4000 training examples"),
        ({"validation": 0.9, "subset": 1}, "leaves 1 for validation and 0 for training"),
        ({"subset": 3}, "Use at least 6 examples, or dataset.validation=0"),
        ({"label_noise": 1.5}, "at most 1"),
    ],
)
def test_invalid_settings(values, message):
    with pytest.raises(ConfigError, match=message):
        load(name="mnist1d", **values)


def test_a_constant_column_becomes_zero():
    """The mean of equal numbers is rounded, so that their standard deviation is not exactly 0."""
    rng = np.random.default_rng(0)
    x = np.column_stack([np.full(300, 14.62), 1e-8 * rng.standard_normal(300)])
    x_test = np.column_stack([[14.62, 14.63], [0.0, 0.0]])
    np.savez("data.npz", x=x, y=np.arange(300) % 2, x_test=x_test, y_test=[0, 1])
    data = load(name="npz", path="data.npz")
    assert not data.train.x[:, 0].any() and not data.val.x[:, 0].any()
    assert data.test.x[:, 0].tolist() == pytest.approx([0, 0.01])
    assert data.train.x[:, 1].std() == pytest.approx(1)  # small, but not constant
