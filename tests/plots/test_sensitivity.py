"""The data of the sensitivity plot, on hand-made runs whose results are known."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import sensitivity
from tests.support.hand_made import LR, WD, best, final, study

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)


def test_cells_with_the_selected_lr_or_wd():
    lines = sensitivity.data(TABLE)
    mine = lines[(lines["optimizer"] == "adamw") & (lines["x_name"] == "lr")]
    assert mine["x"].tolist() == list(LR) and (mine["wd"] == 1e-3).all()
    assert mine["estimate"].tolist()[1] == pytest.approx(
        final(best(RUNS), "adamw", "test_error").mean()
    )
    mine = lines[(lines["optimizer"] == "adamw") & (lines["x_name"] == "wd")]
    assert mine["x"].tolist() == list(WD) and (mine["lr"] == 1e-2).all()
    assert set(sensitivity.data(TABLE, x="wd")["x_name"]) == {"wd"}
