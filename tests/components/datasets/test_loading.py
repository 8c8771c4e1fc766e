"""Datasets are loaded once, and errors name them."""

import pytest

from adamcmp.components.datasets import load_cached
from adamcmp.components.datasets.teacher import Teacher
from adamcmp.errors import DataError


def test_examples_that_do_not_fit_into_memory():
    with pytest.raises(DataError, match="dataset teacher does not fit into memory: Unable to"):
        load_cached(Teacher(name="teacher", test_examples=10**15))


def test_equal_datasets_are_loaded_once():
    small = {"name": "teacher", "train_examples": 20, "test_examples": 5}
    assert load_cached(Teacher(**small)) is load_cached(Teacher(**small))
