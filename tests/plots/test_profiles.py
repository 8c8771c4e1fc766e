"""The data of performance profiles, on hand-made runs whose results are known."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import NothingToDraw, profiles
from tests.support.hand_made import study, table

TABLE = table()


def test_needs_several_problems():
    runs, metrics = study(problems=("a", "b", "c", "d", "e"))
    profile = profiles.data(RunTable(runs, metrics)).set_index(["optimizer", "tau"])
    share = profile["estimate"]
    assert share["adam_l2", 1] + share["adamw", 1] == 1 and share["adam_l2", 1] > 0.5
    with pytest.raises(NothingToDraw, match="several problems with the same"):
        profiles.data(TABLE)
