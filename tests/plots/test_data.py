"""The data of each plot, on hand-made runs whose results are known."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats as distributions

from adamcmp.analysis import RunTable
from adamcmp.errors import ConfigError
from adamcmp.plots import (
    PLOTS,
    NothingToDraw,
    anytime,
    divergence,
    forest,
    gap_curves,
    heatmap,
    learning_curves,
    loss_vs_error,
    matched_gap,
    norms,
    profiles,
    sensitivity,
    strip,
    tuning_curves,
)
from tests.support.hand_made import LR, STEPS, WD, study, table

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)
BEST = RUNS[(RUNS["lr"] == 1e-2) & (RUNS["wd"] == 1e-3)]  # the middle of the bowl


def final(runs: pd.DataFrame, optimizer: str, metric: str) -> np.ndarray:
    return runs.loc[runs["optimizer"] == optimizer, metric].to_numpy(float)


class TestCurves:
    def test_mean_and_interval_of_the_selected_setting(self):
        tidy = learning_curves.data(TABLE)
        curve = tidy[(tidy["metric"] == "test_error") & (tidy["optimizer"] == "adamw")]
        assert curve["x"].tolist() == [0, 1, 2, 4] and (curve["n"] == 3).all()
        values = final(BEST, "adamw", "test_error")
        last = curve.iloc[-1]
        known = distributions.ttest_1samp(values, 0).confidence_interval(0.95)
        assert last["estimate"] == pytest.approx(values.mean())
        assert last[["ci_low", "ci_high"]].tolist() == pytest.approx([known.low, known.high])

    def test_gap(self):
        tidy = gap_curves.data(TABLE, x="step")
        assert set(tidy["metric"]) == {"gap_loss", "gap_error"}
        end = tidy[(tidy["metric"] == "gap_error") & (tidy["x"] == STEPS[-1])]
        known = [final(BEST, o, "gap_error").mean() for o in ("adam_l2", "adamw")]
        assert end["estimate"].tolist() == pytest.approx(known)

    def test_one_measure_over_another_x(self):
        tidy = learning_curves.data(TABLE, metric="accuracy", x="examples")
        assert set(tidy["metric"]) == {"train_accuracy", "test_accuracy"}
        assert tidy["x"].max() == 32 * STEPS[-1]
        with pytest.raises(ConfigError, match=r"--x epochs: .* Did you mean 'epoch'"):
            learning_curves.data(TABLE, x="epochs")

    def test_diverged_runs_are_counted_and_not_averaged(self):
        runs, metrics = study(lr=(1.0,), wd=(0.1,))
        runs.loc[0, "status"] = "diverged"
        tidy = learning_curves.data(RunTable(runs, metrics))
        assert tidy["diverged"].unique().tolist() == [1]
        assert tidy.groupby("optimizer")["n"].max().tolist() == [2, 3]

    def test_without_curves_there_is_nothing_to_draw(self):
        with pytest.raises(NothingToDraw, match="evaluated only once"):
            learning_curves.data(table(steps=(40,)))
        with pytest.raises(NothingToDraw, match="evaluations of these metrics"):
            learning_curves.data(RunTable(RUNS, METRICS.iloc[:0]))

    def test_relative_update(self):
        tidy = norms.data(TABLE, x="step").set_index(["metric", "optimizer", "step"])
        assert tidy.loc[("param_norm", "adamw", 40), "estimate"] == pytest.approx(12)
        assert tidy.loc[("relative_update", "adamw", 20), "estimate"] == pytest.approx(0.005001)


class TestAnytime:
    def test_best_so_far_is_the_value_at_the_best_validation(self):
        runs, metrics = study(["adamw"], lr=(1e-2,), wd=(1e-3,), seeds=1)
        metrics["val_error"] = [0.9, 0.4, 0.6, 0.3]
        metrics["test_error"] = [0.9, 0.5, 0.2, 0.4]
        curves = anytime.data(RunTable(runs, metrics)).curves
        values = {m: g["estimate"].tolist() for m, g in curves.groupby("metric")}
        assert values == {"best": [0.9, 0.5, 0.5, 0.4], "now": [0.9, 0.5, 0.2, 0.4]}

    def test_without_validation_there_is_no_best(self):
        runs, metrics = study(["adamw"], lr=(1e-2,), wd=(1e-3,))
        blind = metrics.assign(val_error=np.nan, val_loss=np.nan)
        assert set(anytime.data(RunTable(runs, blind)).curves["metric"]) == {"now"}

    def test_restarts_are_the_steps_at_which_torch_raises_lr(self):
        runs, metrics = study(schedule="cosine_restarts", steps=(0, 40, 80, 120))
        restarts = anytime.data(RunTable(runs, metrics)).restarts
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=1.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 10, 2)
        raised, before = [], 1.0
        for step in range(1, 121):  # 10 steps per epoch
            optimizer.step()
            schedule.step()
            if schedule.get_last_lr()[0] > before:
                raised.append(step)
            before = schedule.get_last_lr()[0]
        steps = restarts.loc[restarts["optimizer"] == "adamw", "step"].tolist()
        assert raised == [10, 30, 70] and steps == raised

    def test_each_schedule_has_a_line(self):
        both = [study(schedule=s) for s in ("cosine", "cosine_restarts")]
        both[1][0]["run_id"] += "r"
        both[1][1]["run_id"] += "r"
        runs, metrics = (pd.concat(tables, ignore_index=True) for tables in zip(*both, strict=True))
        table = RunTable(runs, metrics)
        shown = PLOTS["anytime"].data(table)
        assert len(set(shown.curves["optimizer"])) == 4
        assert set(shown.restarts["optimizer"]) == {
            f"{o}, cosine_restarts" for o in ("adam_l2", "adamw")
        }
        assert set(PLOTS["anytime"].data(table, hue="optimizer").curves["optimizer"]) == {
            "adam_l2",
            "adamw",
        }


class TestPoints:
    def test_loss_vs_error_has_every_completed_run(self):
        runs, metrics = study(diverged_from=0.1)
        points = loss_vs_error.data(RunTable(runs, metrics))
        assert len(points) == 2 * 2 * 4 * 3 and points["selected"].sum() == 6
        assert points["diverged"].unique().tolist() == [2 * 4 * 3]
        assert points["x"].tolist() == pytest.approx((1.5 * points["y"]).tolist())
        points = loss_vs_error.data(RunTable(runs, metrics), x="train_error", y="gap_loss")
        assert points[["x_name", "y_name"]].drop_duplicates().to_numpy().tolist() == [
            ["train_error", "gap_loss"]
        ]

    def test_strip_has_the_seeds_of_the_selected_setting(self):
        shown = strip.data(TABLE)
        seeds = shown.seeds
        assert seeds["metric"].unique().tolist() == ["test_error", "gap_error"]
        mine = seeds[(seeds["optimizer"] == "adamw") & (seeds["metric"] == "test_error")]
        assert mine["value"].tolist() == final(BEST, "adamw", "test_error").tolist()
        mean = shown.means.set_index(["metric", "optimizer"]).loc[("test_error", "adamw")]
        assert mean["estimate"] == pytest.approx(mine["value"].mean()) and mean["n"] == 3
        assert mean["ci_low"] < mine["value"].min() and mean["ci_high"] > mine["value"].max()
        assert set(strip.data(table(regression=True)).seeds["metric"]) == {"test_loss", "gap_loss"}

    def test_heatmap_has_the_grid_the_best_cells_and_diverged_ones(self):
        shown = heatmap.data(table(diverged_from=0.1))
        cells = shown.cells[shown.cells["optimizer"] == "adamw"].set_index(["lr", "wd"])
        assert len(cells) == 12 and (cells["share"] == [0] * 8 + [1] * 4).all()
        assert cells.loc[(1e-2, 1e-3), "position"] == 0 and cells.loc[(1e-2, 1e-3), "rank"] == 0
        assert cells.loc[0.1, "position"].isna().all()
        assert cells.loc[(1e-2, 1e-3), "estimate"] == pytest.approx(
            final(BEST, "adamw", "test_error").mean(), abs=0.01
        )

    def test_heatmap_of_another_metric(self):
        shown = heatmap.data(TABLE, metric="gap_loss")
        cell = shown.cells.set_index(["optimizer", "lr", "wd"]).loc[("adamw", 1e-2, 1e-3)]
        assert cell["estimate"] == pytest.approx(final(BEST, "adamw", "gap_loss").mean())
        assert shown.additive.empty and set(shown.cells["label"]) == {"gap in cross-entropy (nats)"}

    def test_heatmap_needs_a_grid(self):
        with pytest.raises(NothingToDraw, match="grid of several lr and several wd"):
            heatmap.data(table(wd=(0.0,)))


class TestSurfaces:
    def test_sensitivity_has_the_cells_with_the_selected_lr_or_wd(self):
        lines = sensitivity.data(TABLE)
        mine = lines[(lines["optimizer"] == "adamw") & (lines["x_name"] == "lr")]
        assert mine["x"].tolist() == list(LR) and (mine["wd"] == 1e-3).all()
        assert mine["estimate"].tolist()[1] == pytest.approx(
            final(BEST, "adamw", "test_error").mean()
        )
        mine = lines[(lines["optimizer"] == "adamw") & (lines["x_name"] == "wd")]
        assert mine["x"].tolist() == list(WD) and (mine["lr"] == 1e-2).all()
        assert set(sensitivity.data(TABLE, x="wd")["x_name"]) == {"wd"}

    def test_divergence_has_shares_and_the_frontier(self):
        shown = divergence.data(table(diverged_from=0.1))
        assert shown.cells.groupby("lr")["share"].unique().map(list).tolist() == [[0], [0], [1]]
        assert (shown.frontier["all_seeds"] == 1e-2).all() and len(shown.frontier) == 2 * 4
        assert not shown.cells["below"].any()
        with pytest.raises(NothingToDraw, match="No run diverged"):
            divergence.data(TABLE)

    def test_divergence_marks_failing_cells_below_the_frontier(self):
        runs, metrics = study(diverged_from=0.1)
        stuck = (runs["lr"] == 1e-3) & (runs["wd"] == 1e-2) & (runs["optimizer"] == "adamw")
        runs.loc[stuck & (runs["seed"] == 1), "train_loss"] = 3.0  # close to its initial loss
        cells = divergence.data(RunTable(runs, metrics)).cells
        (cell,) = cells.loc[cells["below"], ["optimizer", "lr", "wd"]].to_numpy().tolist()
        assert cell == ["adamw", 1e-3, 1e-2]
        figure = divergence.draw(divergence.data(RunTable(runs, metrics)))
        texts = [text.get_text() for text in figure.legends[0].get_texts()]
        assert texts == ["largest lr at which every seed trains", "not every seed trains"]


class TestComparisons:
    def test_forest_has_every_pair(self):
        runs, metrics = study(("sgd", "adam_l2", "adamw"))
        pairs = forest.data(RunTable(runs, metrics))
        assert pairs[["a", "b"]].to_numpy().tolist() == [
            ["adam_l2", "adamw"],
            ["adam_l2", "sgd"],
            ["adamw", "sgd"],
        ]
        best = runs[(runs["lr"] == 1e-2) & (runs["wd"] == 1e-3)]
        difference = final(best, "adam_l2", "test_error") - final(best, "adamw", "test_error")
        known = distributions.ttest_1samp(difference, 0).confidence_interval(0.95)
        first = pairs[["estimate", "ci_low", "ci_high"]].iloc[0].tolist()
        assert first == pytest.approx([difference.mean(), known.low, known.high])

    def test_forest_needs_pairs_and_seeds(self):
        with pytest.raises(NothingToDraw, match="No problem has two optimizers"):
            forest.data(table(["adamw"]))
        with pytest.raises(NothingToDraw, match="one seed per optimizer"):
            forest.data(table(seeds=1))

    def test_matched_gap_of_a_known_line(self):
        gaps = matched_gap.data(TABLE, metric="gap_error")
        # The hand-made final gap is the training error, which is a third of the training loss.
        ends = gaps[gaps["source"] == "settings"]
        assert ends["estimate"].tolist() == pytest.approx(
            (ends["train_loss"] / 3).tolist(), rel=2e-2
        )
        assert set(matched_gap.data(table(regression=True))["metric"]) == {"gap_loss"}

    def test_tuning_curves_start_at_the_mean_and_end_at_the_selected_setting(self):
        curves = tuning_curves.data(TABLE).set_index(["optimizer", "k"])["estimate"]
        assert curves["adamw", 1] == pytest.approx(final(RUNS, "adamw", "test_error").mean())
        by_seed = RUNS[RUNS["optimizer"] == "adamw"].groupby("seed")
        selected = [g.loc[g["val_error"].idxmin(), "test_error"] for _, g in by_seed]
        assert curves["adamw", 12] == pytest.approx(np.mean(selected))

    def test_profiles_need_problems(self):
        runs, metrics = study(problems=("a", "b", "c", "d", "e"))
        profile = profiles.data(RunTable(runs, metrics)).set_index(["optimizer", "tau"])
        share = profile["estimate"]
        assert share["adam_l2", 1] + share["adamw", 1] == 1 and share["adam_l2", 1] > 0.5
        with pytest.raises(NothingToDraw, match="several problems with the same"):
            profiles.data(TABLE)
