"""The data of the heatmap, on hand-made runs whose results are known."""

import pytest

from adamcmp.analysis import RunTable
from adamcmp.plots import PLOTS, NothingToDraw, heatmap
from tests.support.hand_made import best, final, study, table

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)


def test_the_grid_the_best_cells_and_diverged_ones():
    shown = heatmap.data(table(diverged_from=0.1))
    cells = shown.cells[shown.cells["optimizer"] == "adamw"].set_index(["lr", "wd"])
    assert len(cells) == 12 and (cells["share"] == [0] * 8 + [1] * 4).all()
    assert cells.loc[(1e-2, 1e-3), "position"] == 0 and cells.loc[(1e-2, 1e-3), "rank"] == 0
    assert cells.loc[0.1, "position"].isna().all()
    assert cells.loc[(1e-2, 1e-3), "estimate"] == pytest.approx(
        final(best(RUNS), "adamw", "test_error").mean(), abs=0.01
    )


def test_another_metric():
    shown = heatmap.data(TABLE, metric="gap_loss")
    cell = shown.cells.set_index(["optimizer", "lr", "wd"]).loc[("adamw", 1e-2, 1e-3)]
    assert cell["estimate"] == pytest.approx(final(best(RUNS), "adamw", "gap_loss").mean())
    assert shown.additive.empty and set(shown.cells["label"]) == {"gap in cross-entropy (nats)"}


@pytest.mark.parametrize(
    ("wd", "numbers"), [((1e-4, 1e-3), 6), (tuple(10.0**-i for i in range(6)), 0)]
)
def test_the_cells_of_a_small_grid_have_numbers(wd, numbers):
    figure = PLOTS["heatmap"].figure(table(wd=wd))
    panel = figure.axes[0]
    assert panel.get_title() == "Adam+L2" and len(panel.texts) == numbers


def test_a_grid_over_the_product_is_drawn_over_it():
    runs = TABLE.runs.assign(wd=TABLE.runs["wd"] / TABLE.runs["lr"])
    products = table().with_runs(runs)
    cells = heatmap.data(products).cells
    assert set(cells["axis"]) == {"lr_wd"} and len(cells) == len(heatmap.data(TABLE).cells)
    assert cells["decay"].nunique() == TABLE.runs["wd"].nunique()
    figure = PLOTS["heatmap"].figure(products)
    assert figure.axes[0].get_xlabel() == "lr × weight decay"
    assert PLOTS["heatmap"].figure(TABLE).axes[0].get_xlabel() == "weight decay"


def test_needs_a_grid():
    with pytest.raises(NothingToDraw, match="grid of several lr and several wd"):
        heatmap.data(table(wd=(0.0,)))
