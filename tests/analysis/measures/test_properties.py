"""Properties of optimizers on surfaces and curves whose answer is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import adamcmp
from adamcmp.analysis import RunTable, properties, property_sentences
from adamcmp.analysis.profiles import mean_excess
from adamcmp.analysis.setting_matrix import setting_matrices
from adamcmp.storage.outcomes import encode
from tests.support.gridded import bowl, grid, runs, stacked

NAN = float("nan")
RESULTS = Path(__file__).parents[3] / "results"
#: Runs of two optimizers; errors of "sgd" depend four times as much on lr and wd.
SURFACES = {"adamw": bowl(0, 0.01), "sgd": bowl(0, 0.04)}
BOTH = stacked(
    *(
        runs(surface, grid(), 5, 0.002, rng, name)
        for rng, (name, surface) in enumerate(SURFACES.items())
    )
)


ROWS = properties(RunTable(BOTH))


def of_property(name, rows=ROWS):
    return rows[rows["property"] == name].reset_index(drop=True)


def curves(speed, gap):
    """Training losses that fall by a factor of ten per epoch times the optimizer's speed."""
    frame = stacked(*(runs(bowl(0), [(1, 1)], 6, 0, 0, name) for name in speed))
    rng = np.random.default_rng(0)
    rows = [
        {"run_id": run["run_id"], "step": 10 * epoch, "epoch": float(epoch),
         "train_loss": 10.0 ** -(epoch * pace),
         "gap_error": gap[run["optimizer"]] * epoch * pace + 0.001 * rng.normal(), "gap_loss": 0.0}
        for run in frame.to_dict("records")
        for pace in [speed[run["optimizer"]] * (1 + 0.01 * rng.normal())]
        for epoch in range(9)
    ]  # fmt: skip
    return frame, pd.DataFrame(rows)


@pytest.mark.parametrize("column", ["lr", "wd"])
def test_sensitivity_is_the_excess_near_the_best_value(column):
    (row,) = of_property(f"{column} sensitivity").to_dict("records")
    # x² over ±1.5 decades has mean 0.75; the linear interpolation is above it by (1/2)² / 6.
    assert row["value"] == pytest.approx(0.01 * (0.75 + 0.25 / 6), abs=0.003)
    assert row["estimate"] == pytest.approx(0.03 * (0.75 + 0.25 / 6), abs=0.003)
    assert (row["optimizer"], row["over"]) == ("adamw", "sgd")
    assert row["condition"] == pytest.approx(10**1.5) and row["p_adjusted"] < 0.001
    assert row["metric"] == "test_error"


def test_each_seed_selects_its_own_settings():
    """The excess of a seed does not depend on the runs of other seeds."""
    (row,) = of_property("wd sensitivity").to_dict("records")
    decades = np.log10(row["condition"])
    excess = {
        matrix.optimizer: [mean_excess(matrix.at_seeds([i]), "wd", decades) for i in range(5)]
        for matrix in setting_matrices(RunTable(BOTH))
    }
    test = stats.ttest_rel(excess["sgd"], excess["adamw"])
    assert row["p_value"] == pytest.approx(test.pvalue)


def test_an_optimizer_whose_best_lr_is_at_the_edge_is_left_out():
    edge = runs(lambda x, y: 0.2 + 0.05 * (x - 3) ** 2 + 0.01 * y**2, grid(), 5, 0.002, 3, "lion")
    rows = properties(RunTable(stacked(BOTH, edge)))
    assert of_property("lr sensitivity", rows)["over"].tolist() == ["sgd"]
    wd = of_property("wd sensitivity", rows)
    assert {"lion"} < {*wd["over"], *wd["optimizer"]}


def test_what_profiles_show():
    def cliff(x, y):
        return np.where(x > 0.7, NAN, bowl(0, 0.04)(x, y))

    frame = stacked(
        runs(bowl(0, 0.004), grid(), 5, 0.0005, 0, "adamw"), runs(cliff, grid(), 5, 0.002, 1, "sgd")
    )
    (row,) = of_property("lr sensitivity", properties(RunTable(frame))).to_dict("records")
    assert row["fails_from"] == pytest.approx(10) and 0.009 < row["stays_within"] < 0.012
    assert np.isnan(of_property("lr sensitivity")["stays_within"]).all()  # 11 % above the best


def test_tuning_is_the_expected_error_of_random_settings():
    rows = of_property("tuning").set_index("condition")
    means = BOTH.groupby("optimizer")["test_error"].mean()
    assert rows.loc[1, "estimate"] == pytest.approx(means["sgd"] - means["adamw"])
    assert rows.loc[4, "value"] < rows.loc[1, "value"]
    by_seed = BOTH.groupby(["seed", "optimizer"])["test_error"].mean().unstack()
    p = stats.ttest_rel(by_seed["sgd"], by_seed["adamw"]).pvalue
    assert rows.loc[1, "p_adjusted"] == pytest.approx(2 * p)  # 1 and 4 trials


def test_all_settings_are_no_random_draw():
    four = stacked(*(runs(s, grid((1, 2), (1, 2)), 5, 0.01, 0, n) for n, s in SURFACES.items()))
    rows = properties(RunTable(four))
    assert of_property("tuning", rows)["condition"].tolist() == [1]


def test_training_speed_is_a_ratio_of_epochs():
    table = RunTable(*curves({"adamw": 1.0, "sgd": 0.5}, {"adamw": 0.1, "sgd": 0.1}))
    (row,) = of_property("training speed", properties(table)).to_dict("records")
    assert (row["optimizer"], row["over"], row["metric"]) == ("adamw", "sgd", "")
    assert row["estimate"] == pytest.approx(2, rel=0.02) and row["ci_low"] > 1.9
    # The slower one ends at 1e-4, after 8 epochs.
    assert row["condition"] == pytest.approx(1e-4, rel=0.3) and row["value"] == pytest.approx(
        4, rel=0.05
    )


def test_overfitting_is_the_gap_at_equal_training_loss():
    table = RunTable(*curves({"adamw": 1.0, "sgd": 0.5}, {"adamw": 0.02, "sgd": 0.01}))
    (row,) = of_property("overfitting", properties(table)).to_dict("records")
    assert (row["optimizer"], row["metric"]) == ("sgd", "gap_error")
    assert row["estimate"] == pytest.approx(0.04, abs=0.003)  # four decades of loss


def test_intervals_of_errors_include_the_test_examples():
    frame, metrics = curves({"adamw": 1.0, "sgd": 0.5}, {"adamw": 0.02, "sgd": 0.01})
    rng = np.random.default_rng(0)
    hard = {name: rng.random(200) < 0.2 for name in ("adamw", "sgd")}  # of each optimizer
    examples = pd.DataFrame(
        {"run_id": run_id, "split": "test", "metric": "error", "set_id": "s", "total": 200,
         "stored": 200, "outcomes": encode(hard[name], "error")}
        for run_id, name in zip(frame["run_id"], frame["optimizer"], strict=True)
    )  # fmt: skip
    rows = properties(RunTable(frame, metrics, all_examples=examples)).set_index("property")
    alone = properties(RunTable(frame, metrics)).set_index("property")
    assert rows.loc["overfitting", "covers"] == "seeds and examples"
    # Examples on which one of two optimizers is wrong have a share of 2 · 0.2 · 0.8.
    half = (rows["ci_high"] - rows["estimate"])["overfitting"]
    assert half == pytest.approx(1.96 * (0.32 / 200) ** 0.5, rel=0.2)
    assert rows.loc["training speed"].equals(alone.loc["training speed"])


def test_several_problems_have_rows_each():
    second = BOTH.assign(problem="e, m", run_id=BOTH["run_id"] + "e")
    rows = properties(RunTable(stacked(BOTH, second)))
    assert rows.groupby("problem").size().tolist() == [4, 4]


@pytest.mark.slow
def test_the_reference_study():
    """All properties of all optimizers are compared, and described in at most six sentences."""
    study = adamcmp.load("decoupling", results=RESULTS)
    rows = properties(RunTable.from_frames(study.runs, study.metrics, study.examples))
    others = rows.groupby(["property", "condition"]).size()
    assert len(others) == 6 and others.max() == 3  # tuning has two conditions
    text = property_sentences(rows)
    assert 1 <= text.count(". ") <= 6 and "nan" not in text and "inf" not in text


@pytest.mark.slow
def test_the_false_claims_of_optimizers_that_do_not_differ():
    """A statistic whose settings all seeds select together would claim 15 to 20 %."""
    rng = np.random.default_rng(0)
    claims = []
    for _ in range(40):
        frame = stacked(*(runs(bowl(0, 0.01), grid(), 5, 0.01, rng, n) for n in ("a", "b")))
        claims.append(
            properties(RunTable(frame)).set_index(["property", "condition"])["p_value"] < 0.05
        )
    assert pd.concat(claims, axis=1).mean(axis=1).max() < 0.16
