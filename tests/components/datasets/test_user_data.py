"""What all datasets of users share: stratified splits and signs of leaks."""

import numpy as np
import pytest

from adamcmp.config import build_component
from adamcmp.errors import ConfigError, DataError
from tests.support.datasets import load

#: One class of 1 example, one of 3, and two large ones.
Y = np.repeat([0, 1, 2, 3], [1, 3, 100, 196])


def save(x=None, y=Y):
    x = np.random.default_rng(0).standard_normal((len(y), 3)) if x is None else x
    np.savez("data.npz", x=x, y=y)
    return {"name": "npz", "path": "data.npz"}


class TestStratify:
    @pytest.mark.parametrize("seed", range(5))
    def test_each_split_has_the_classes_in_proportion(self, seed):
        data = load(**save(), stratify=True, split_seed=seed, validation=0.1)
        counts = [np.bincount(s.y, minlength=4) for s in (data.train, data.val, data.test)]
        np.testing.assert_array_equal(sum(counts), [1, 3, 100, 196])
        assert counts[0].min() >= 1
        for count, share in zip(counts, (0.72, 0.08, 0.2), strict=True):
            assert abs(count - share * np.array([1, 3, 100, 196])).max() <= 2

    def test_a_subset_is_stratified(self):
        data = load(**save(), stratify=True, subset=60, validation=0.25)
        counts = np.bincount(np.concatenate([data.train.y, data.val.y]), minlength=4)
        assert abs(counts - 60 * np.array([1, 3, 100, 196]) / 300).max() <= 2

    def test_without_it_a_rare_class_may_be_in_the_test_set_only(self):
        config, refused = save(), []
        for seed in range(20):
            try:
                load(**config, split_seed=seed)
            except DataError as error:
                refused.append(str(error))
        assert "no training example is of class '0', but 1 test examples are" in refused[0]
        assert "Set dataset.stratify=true" in refused[0]

    def test_a_class_that_only_validation_has_is_noticed(self):
        seeds = range(20)
        datasets = [
            build_component("dataset", {**save(y=Y[1:]), "split_seed": s, "validation": 0.5})
            for s in seeds
        ]
        notices = [notice for d in datasets for notice in d.examine(d.load())]
        assert any("of classes without a training example" in notice for notice in notices)

    def test_ids_of_runs_without_it_are_unchanged(self):
        assert "stratify" not in build_component("dataset", save()).identity()

    def test_regression_is_refused(self):
        with pytest.raises(ConfigError, match="stratify=true is for classification"):
            load(**save(), stratify=True, task="regression")


class TestNotices:
    def notices(self, x, y, **settings):
        dataset = build_component("dataset", {**save(x, y), **settings})
        return dataset.examine(dataset.load())

    def test_noise_is_not_suspicious(self):
        rng = np.random.default_rng(0)
        assert not self.notices(rng.standard_normal((200, 50)), rng.integers(0, 2, 200))

    def test_a_monotone_function_of_a_real_target(self):
        x = np.random.default_rng(0).standard_normal((200, 3))
        (notice,) = self.notices(x, np.exp(x[:, 1]), task="regression")
        assert "feature 1 alone predicts the validation targets perfectly" in notice

    def test_many_features_are_one_sentence(self):
        y = np.arange(200) % 2
        x = np.random.default_rng(0).standard_normal((200, 5)) + 100 * y[:, None]
        (notice,) = self.notices(x, y)
        assert "feature 0 (and 4 more) alone predicts" in notice

    def test_a_single_feature_is_all_there_is(self):
        assert not self.notices(np.arange(200.0)[:, None], np.repeat([0, 1], 100))

    def test_few_validation_examples_predicted_by_chance(self):
        x = np.random.default_rng(0).standard_normal((20, 8))
        assert not self.notices(x, np.arange(20) % 2)
