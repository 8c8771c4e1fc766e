"""Datasets that need no download: their sizes, and published numbers."""

import numpy as np
import pytest

from adamcmp.config import build_component
from tests.support.datasets import load


class TestReal:
    def test_mnist1d(self):
        data = load(name="mnist1d")
        assert (len(data.train), len(data.val), len(data.test)) == (3600, 400, 1000)
        assert data.shape.inputs == (40,) and data.shape.outputs == 10
        x = np.concatenate([data.train.x, data.val.x, data.test.x])
        assert abs(x.mean()) < 1e-9 and abs(x.std() - 1) < 1e-9
        assert (
            np.bincount(np.concatenate([data.train.y, data.val.y, data.test.y])).tolist()
            == [500] * 10
        )

    def test_mnist1d_is_the_published_file(self):
        """Numbers read off the authors' mnist1d_data.pkl."""
        train, test = build_component("dataset", {"name": "mnist1d"}).read()
        first = [-0.3320056673693902, -0.4719103656557236, -0.778697076293495, -1.0097408265367047]
        assert train.x[0, :4].tolist() == pytest.approx(first, abs=1e-15)
        last = [0.6598756470890784, 0.8777343497528006, 1.193151836835276]
        assert test.x[-1, -3:].tolist() == pytest.approx(last, abs=1e-15)
        assert train.y[:12].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1, 6, 9]
        assert abs(train.x).sum() == pytest.approx(118338.29510719894, rel=1e-12)

    def test_mnist1d_does_not_change_the_global_generators(self):
        np.random.seed(5)  # noqa: NPY002
        expected = np.random.RandomState(5).rand()
        load(name="mnist1d")
        assert np.random.rand() == expected  # noqa: NPY002

    def test_mnist1d_shuffled_permutes_positions(self):
        plain, shuffled = load(name="mnist1d"), load(name="mnist1d", shuffled=True)
        assert not np.array_equal(plain.test.x, shuffled.test.x)
        np.testing.assert_allclose(np.sort(plain.test.x), np.sort(shuffled.test.x), atol=1e-9)

    def test_other_samples_of_mnist1d_are_of_the_same_distribution(self):
        published, other = load(name="mnist1d"), load(name="mnist1d", data_seed=1)
        tested = load(name="mnist1d", test_examples=1005)
        assert (len(other.train), len(other.val), len(tested.test)) == (3600, 400, 1005)
        assert other.set_ids["test"] == published.set_ids["test"] != tested.set_ids["test"]
        assert tested.set_ids["val"] == published.set_ids["val"]
        for sample in (other.train, tested.test):
            assert np.bincount(sample.y).min() >= len(sample) / 10 - 40
            for k in range(10):
                x, y = (split.x[split.y == k] for split in (published.train, sample))
                error = np.sqrt(x.var(axis=0) / len(x) + y.var(axis=0) / len(y))
                z = (x.mean(axis=0) - y.mean(axis=0)) / error
                assert abs(z).max() < 5 and (z**2).mean() < 4

    def test_the_permutation_of_mnist1d_is_the_same_for_other_samples(self):
        orders = []
        for settings in ({}, {"data_seed": 1, "test_examples": 1005}):
            plain, shuffled = (
                load(name="mnist1d", shuffled=value, **settings) for value in (False, True)
            )
            for one, other in ((plain.train.x, shuffled.train.x), (plain.test.x, shuffled.test.x)):
                orders.append(np.argsort(one[0])[np.argsort(np.argsort(other[0]))])
                np.testing.assert_allclose(one[:, orders[-1]], other, atol=1e-9)
        assert all(np.array_equal(order, orders[0]) for order in orders)

    def test_digits(self):
        data = load(name="digits")
        assert sum(map(len, (data.train, data.val, data.test))) == 1797
        assert data.shape.inputs == (1, 8, 8) and data.train.x.dtype == np.float32
        assert abs(data.train.x.mean()) < 1e-4 and abs(data.train.x.std() - 1) < 1e-4
        # Crops are padded with black, which is the standardized value of the corner of a digit.
        assert data.padding_value.tolist() == pytest.approx([data.train.x.min()], rel=1e-5)

    def test_mnist5k(self):
        data = load(name="mnist5k")
        assert (len(data.train), len(data.val), len(data.test)) == (3600, 400, 1000)
        assert data.shape.inputs == (1, 28, 28)
        # The file is sorted by label: every split must see all ten digits.
        assert all(len(np.unique(s.y)) == 10 for s in (data.train, data.val, data.test))


class TestTeacher:
    def test_noise_sets_the_difficulty(self):
        """Without noise the teacher's labels can be learned, with large noise they are random."""

        def best_linear(noise):
            data = load(name="teacher", outputs=2, noise=noise, train_examples=4000)
            x, y = data.train.x, 2.0 * data.train.y - 1
            w = np.linalg.lstsq(x, y, rcond=None)[0]
            return ((data.test.x @ w > 0) == data.test.y).mean()

        assert best_linear(0.0) > 0.75 > 0.6 > best_linear(20.0) > 0.4

    def test_regression_has_unit_scale(self):
        data = load(name="teacher", task="regression", outputs=3, noise=0.0)
        assert data.shape.outputs == 3 and 0.9 < data.test.y.std() < 1.1
