"""Splits of a dataset."""

import numpy as np

from adamcmp.components.data import Data, Shape, Split


def test_some_examples_of_a_split():
    split = Split(np.arange(12).reshape(4, 3), np.array([0, 1, 0, 1]))
    some = split.take(np.array([2, 0]))
    assert (len(split), len(some)) == (4, 2)
    assert some.x.tolist() == [[6, 7, 8], [0, 1, 2]] and some.y.tolist() == [0, 0]


def test_chance_level_of_classes():
    """The most frequent training class is 1; the error is the share of the other classes."""
    x = np.zeros((4, 2))
    train, test = Split(x, np.array([1, 1, 0, 2])), Split(x, np.array([0, 1, 2, 2]))
    data = Data(train, train.take(np.array([], int)), test, Shape((2,), 3, "classification"), x)
    assert data.chance_level() == {"train_error": 0.5, "test_error": 0.75}


def test_chance_level_of_a_regression():
    """The mean training target is (2, 0); its squared errors are averaged over outputs."""
    x = np.zeros((2, 1))
    train = Split(x, np.array([[1.0, 0.0], [3.0, 0.0]]))
    data = Data(train, train, Split(x, train.y + 1), Shape((1,), 2, "regression"), x)
    assert data.chance_level() == {"train_loss": 0.5, "val_loss": 0.5, "test_loss": 1.5}
