"""Splits of a dataset."""

import numpy as np

from adamcmp.components.data import Split


def test_some_examples_of_a_split():
    split = Split(np.arange(12).reshape(4, 3), np.array([0, 1, 0, 1]))
    some = split.take(np.array([2, 0]))
    assert (len(split), len(some)) == (4, 2)
    assert some.x.tolist() == [[6, 7, 8], [0, 1, 2]] and some.y.tolist() == [0, 0]
