"""The data of the divergence map, on hand-made runs whose results are known."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import NothingToDraw, divergence
from tests.support.hand_made import study, table

TABLE = table()


def test_shares_and_the_frontier():
    shown = divergence.data(table(diverged_from=0.1))
    assert shown.cells.groupby("lr")["share"].unique().map(list).tolist() == [[0], [0], [1]]
    assert (shown.frontier["all_seeds"] == 1e-2).all() and len(shown.frontier) == 2 * 4
    assert not shown.cells["below"].any()
    with pytest.raises(NothingToDraw, match="No run diverged"):
        divergence.data(TABLE)


def test_failing_cells_below_the_frontier_are_marked():
    runs, metrics = study(diverged_from=0.1)
    stuck = (runs["lr"] == 1e-3) & (runs["wd"] == 1e-2) & (runs["optimizer"] == "adamw")
    runs.loc[stuck & (runs["seed"] == 1), "train_loss"] = 3.0  # close to its initial loss
    cells = divergence.data(RunTable(runs, metrics)).cells
    (cell,) = cells.loc[cells["below"], ["optimizer", "lr", "wd"]].to_numpy().tolist()
    assert cell == ["adamw", 1e-3, 1e-2]
    figure = divergence.draw(divergence.data(RunTable(runs, metrics)))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["largest lr at which every seed trains", "not every seed trains"]
