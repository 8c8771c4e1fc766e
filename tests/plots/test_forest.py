"""The data of the forest plot, on hand-made runs whose results are known."""

import pytest
from scipy import stats as distributions

from adamcmp.analysis import RunTable
from adamcmp.plots import NothingToDraw, forest
from tests.support.hand_made import best, final, study, table


def test_every_pair():
    runs, metrics = study(("sgd", "adam_l2", "adamw"))
    pairs = forest.data(RunTable.from_frames(runs, metrics))
    assert pairs[["a", "b"]].to_numpy().tolist() == [
        ["adam_l2", "adamw"],
        ["adam_l2", "sgd"],
        ["adamw", "sgd"],
    ]
    difference = final(best(runs), "adam_l2", "test_error") - final(
        best(runs), "adamw", "test_error"
    )
    known = distributions.ttest_1samp(difference, 0).confidence_interval(0.95)
    first = pairs[["estimate", "ci_low", "ci_high"]].iloc[0].tolist()
    assert first == pytest.approx([difference.mean(), known.low, known.high])


def test_needs_pairs_and_seeds():
    with pytest.raises(NothingToDraw, match="No problem has two optimizers"):
        forest.data(table(["adamw"]))
    with pytest.raises(NothingToDraw, match="one seed per optimizer"):
        forest.data(table(seeds=1))
