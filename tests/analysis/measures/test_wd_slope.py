"""The slope of the best weight decay over the learning rate."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import adamcmp
from adamcmp.analysis import MEASURES, RunTable, wd_slope
from tests.support.gridded import bowl, grid, runs, stacked, without_val

NAN = float("nan")
RESULTS = Path(__file__).parents[3] / "results"
(MEASURE,) = (measure for measure in MEASURES if measure.name == "wd_slope")


def valley(slope):
    """Best where log wd = slope · log lr."""
    return lambda x, y: 0.2 + 0.001 * x**2 + 0.01 * (y - slope * x) ** 2


@pytest.mark.parametrize("slope", [-1, 0, 1])
def test_the_slope_of_a_valley(slope):
    row = wd_slope(RunTable(runs(valley(slope), grid()))).iloc[0]
    assert row["estimate"] == pytest.approx(slope) and np.isnan(row["ci_low"])  # seeds are equal
    assert (row["lrs"], row["at_edge"]) == (7, pytest.approx(0 if slope == 0 else 2 / 7))


def test_the_interval_is_that_of_the_slopes_of_seeds():
    frame = runs(valley(-0.5), grid(), 5, 0.01)
    slopes = []
    for _, seed in frame.groupby("seed"):
        best = seed.loc[seed.groupby("lr")["val_error"].idxmin()]
        slopes.append(np.polyfit(np.log(best["lr"]), np.log(best["wd"]), 1)[0])
    interval = stats.ttest_1samp(slopes, 0).confidence_interval()
    row = wd_slope(RunTable(frame)).iloc[0]
    assert row[["estimate", "ci_low", "ci_high"]].tolist() == pytest.approx(
        [np.mean(slopes), interval.low, interval.high]
    )


def test_learning_rates_that_do_not_train_are_left_out():
    """At the largest lr no weight decay trains, and the smallest one is best by chance."""

    def cliff(x, y):
        return np.where(x > 1.2, 0.85 + 0.001 * y, valley(0)(x, y))

    row = wd_slope(RunTable(runs(cliff, grid()))).iloc[0]
    assert (row["estimate"], row["lrs"]) == (pytest.approx(0), 6)


def test_the_reference_study():
    """Slopes that were computed independently of this package."""
    study = adamcmp.load("decoupling", results=RESULTS)
    table = wd_slope(RunTable.from_frames(study.runs, study.metrics)).set_index("optimizer")
    expected = {
        "adam_l2": [-0.188, -0.867, 0.492],
        "adamw": [0.393, 0.099, 0.686],
        "sgdw": [0.914, 0.629, 1.199],
        "sgd": [0.250, -0.663, 1.163],
    }
    for name, values in expected.items():
        actual = table.loc[name, ["estimate", "ci_low", "ci_high"]].tolist()
        assert actual == pytest.approx(values, abs=0.001), name
    assert MEASURE.headline(table.reset_index()) == (
        "Best weight decay: rises with lr for AdamW and SGDW; no dependence on lr detected for "
        "Adam+L2 and SGD."
    )


@pytest.mark.parametrize(
    "frame",
    [
        runs(bowl(0), grid()).iloc[:0],
        runs(bowl(0), grid(lr=[0.1, 1])),
        runs(bowl(0), grid(wd=[0.1, 1])),
        runs(bowl(0), 10 ** np.random.default_rng(0).uniform(-1, 1, (30, 2))),  # a search
        runs(lambda x, y: x * NAN, grid()),
        without_val(runs(bowl(0), grid())),
    ],
)
def test_optimizers_with_too_few_values_have_no_row(frame):
    assert wd_slope(RunTable(frame)).empty


def test_equally_good_weight_decays_count_as_the_smallest():
    ties = stacked(runs(lambda x, y: 0.2 + 0 * x, grid(), 3))
    assert wd_slope(RunTable(ties))["estimate"].item() == pytest.approx(0)
    assert wd_slope(RunTable(ties))["at_edge"].item() == 1
