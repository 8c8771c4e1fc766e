"""The data of curves of norms, on hand-made runs whose results are known."""

import pytest

from adamcmp.plots import norms
from tests.support.hand_made import table

TABLE = table()


def test_relative_update():
    tidy = norms.data(TABLE, x="step").set_index(["metric", "optimizer", "step"])
    assert tidy.loc[("param_norm", "adamw", 40), "estimate"] == pytest.approx(12)
    assert tidy.loc[("relative_update", "adamw", 20), "estimate"] == pytest.approx(0.005001)
