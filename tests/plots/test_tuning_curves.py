"""The data of tuning curves, on hand-made runs whose results are known."""

import numpy as np
import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import tuning_curves
from tests.support.hand_made import final, study

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)


def test_curves_start_at_the_mean_and_end_at_the_selected_setting():
    curves = tuning_curves.data(TABLE).set_index(["optimizer", "k"])["estimate"]
    assert curves["adamw", 1] == pytest.approx(final(RUNS, "adamw", "test_error").mean())
    by_seed = RUNS[RUNS["optimizer"] == "adamw"].groupby("seed")
    selected = [g.loc[g["val_error"].idxmin(), "test_error"] for _, g in by_seed]
    assert curves["adamw", 12] == pytest.approx(np.mean(selected))
