"""The data of curves of the generalization gap, on hand-made runs whose results are known."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import gap_curves
from tests.support.hand_made import STEPS, best, final, study

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)


def test_gap():
    tidy = gap_curves.data(TABLE, x="step")
    assert set(tidy["metric"]) == {"gap_loss", "gap_error"}
    end = tidy[(tidy["metric"] == "gap_error") & (tidy["x"] == STEPS[-1])]
    known = [final(best(RUNS), o, "gap_error").mean() for o in ("adam_l2", "adamw")]
    assert end["estimate"].tolist() == pytest.approx(known)
