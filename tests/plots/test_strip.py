"""The data of the strip plot, on hand-made runs whose results are known."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import strip
from tests.support.hand_made import best, final, study, table

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)


def test_seeds_of_the_selected_setting():
    shown = strip.data(TABLE)
    seeds = shown.seeds
    assert seeds["metric"].unique().tolist() == ["test_error", "gap_error"]
    mine = seeds[(seeds["optimizer"] == "adamw") & (seeds["metric"] == "test_error")]
    assert mine["value"].tolist() == final(best(RUNS), "adamw", "test_error").tolist()
    mean = shown.means.set_index(["metric", "optimizer"]).loc[("test_error", "adamw")]
    assert mean["estimate"] == pytest.approx(mine["value"].mean()) and mean["n"] == 3
    assert mean["ci_low"] < mine["value"].min() and mean["ci_high"] > mine["value"].max()
    assert set(strip.data(table(regression=True)).seeds["metric"]) == {"test_loss", "gap_loss"}
