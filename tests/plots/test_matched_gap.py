"""The data of the plot of gaps at matched training loss, on hand-made runs whose results are known."""

import pytest

from adamcmp.plots import matched_gap
from tests.support.hand_made import table

TABLE = table()


def test_gap_of_a_known_line():
    gaps = matched_gap.data(TABLE, metric="gap_error")
    # The hand-made final gap is the training error, which is a third of the training loss.
    ends = gaps[gaps["source"] == "settings"]
    assert ends["estimate"].tolist() == pytest.approx((ends["train_loss"] / 3).tolist(), rel=2e-2)
    assert set(matched_gap.data(table(regression=True))["metric"]) == {"gap_loss"}
