"""The data of learning curves, on hand-made runs whose results are known."""

import pytest
from scipy import stats as distributions

from adamcmp.analysis import RunTable
from adamcmp.errors import ConfigError
from adamcmp.plots import NothingToDraw, learning_curves
from tests.support.hand_made import STEPS, best, final, study, table

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)


def test_mean_and_interval_of_the_selected_setting():
    tidy = learning_curves.data(TABLE)
    curve = tidy[(tidy["metric"] == "test_error") & (tidy["optimizer"] == "adamw")]
    assert curve["x"].tolist() == [0, 1, 2, 4] and (curve["n"] == 3).all()
    values = final(best(RUNS), "adamw", "test_error")
    last = curve.iloc[-1]
    known = distributions.ttest_1samp(values, 0).confidence_interval(0.95)
    assert last["estimate"] == pytest.approx(values.mean())
    assert last[["ci_low", "ci_high"]].tolist() == pytest.approx([known.low, known.high])


def test_one_measure_over_another_x():
    tidy = learning_curves.data(TABLE, metric="accuracy", x="examples")
    assert set(tidy["metric"]) == {"train_accuracy", "test_accuracy"}
    assert tidy["x"].max() == 32 * STEPS[-1]
    with pytest.raises(ConfigError, match=r"--x epochs: .* Did you mean 'epoch'"):
        learning_curves.data(TABLE, x="epochs")


def test_diverged_runs_are_counted_and_not_averaged():
    runs, metrics = study(lr=(1.0,), wd=(0.1,))
    runs.loc[0, "status"] = "diverged"
    tidy = learning_curves.data(RunTable(runs, metrics))
    assert tidy["diverged"].unique().tolist() == [1]
    assert tidy.groupby("optimizer")["n"].max().tolist() == [2, 3]


def test_without_curves_there_is_nothing_to_draw():
    with pytest.raises(NothingToDraw, match="evaluated only once"):
        learning_curves.data(table(steps=(40,)))
    with pytest.raises(NothingToDraw, match="evaluations of these metrics"):
        learning_curves.data(RunTable(RUNS, METRICS.iloc[:0]))
