"""The data of the forest plot, on hand-made runs whose results are known."""

import pytest
from scipy import stats as distributions

from adamcmp.analysis import RunTable
from adamcmp.analysis.question import Question
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


def test_equality_within_the_margin_is_marked():
    margin = 100 * 0.5  # points
    pairs = forest.data(table().asking(Question(margin=margin)))
    assert pairs["equal"].all()
    figure = forest.draw(pairs)
    (axes,) = figure.axes
    assert [line.get_marker() for line in axes.lines[2::2]] == ["s"] * len(pairs)
    (span,) = axes.patches
    assert (span.get_x(), span.get_width()) == (-margin, 2 * margin)
    assert "square: equal within it" in " ".join(t.get_text() for t in figure.texts)


def test_needs_pairs_and_seeds():
    with pytest.raises(NothingToDraw, match="No problem has two optimizers"):
        forest.data(table(["adamw"]))
    with pytest.raises(NothingToDraw, match="one seed per optimizer"):
        forest.data(table(seeds=1))
