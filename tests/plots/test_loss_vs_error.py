"""The data of the plot of loss against error, on hand-made runs whose results are known."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import loss_vs_error
from tests.support.hand_made import study


def test_every_completed_run_is_a_point():
    runs, metrics = study(diverged_from=0.1)
    points = loss_vs_error.data(RunTable(runs, metrics))
    assert len(points) == 2 * 2 * 4 * 3 and points["selected"].sum() == 6
    assert points["diverged"].unique().tolist() == [2 * 4 * 3]
    assert points["x"].tolist() == pytest.approx((1.5 * points["y"]).tolist())
    points = loss_vs_error.data(RunTable(runs, metrics), x="train_error", y="gap_loss")
    assert points[["x_name", "y_name"]].drop_duplicates().to_numpy().tolist() == [
        ["train_error", "gap_loss"]
    ]
