"""Plots: data against made runs of known truth; pictures that open; `adamcmp plot`'s words."""

import io
import re
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from scipy import stats as distributions

import adamcmp
from adamcmp.analysis import RunTable
from adamcmp.analysis.filters import where
from adamcmp.cli import main
from adamcmp.cli.completion import candidates
from adamcmp.errors import ConfigError
from adamcmp.plots import (
    FORMATS,
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
    relabel,
    save,
    sensitivity,
    strip,
    tuning_curves,
)
from adamcmp.plots.drawing.grids import tick_label
from adamcmp.plots.drawing.labels import interval_note, metric_label
from adamcmp.plots.drawing.styles import PALETTE, optimizer_styles, ordered
from tests.support.hand_made import LR, STEPS, WD, study, table

RUNS, METRICS = study()
TABLE = RunTable(RUNS, METRICS)
BEST = RUNS[(RUNS["lr"] == 1e-2) & (RUNS["wd"] == 1e-3)]  # the bowl's middle


def final(runs: pd.DataFrame, optimizer: str, metric: str) -> np.ndarray:
    return runs.loc[runs["optimizer"] == optimizer, metric].to_numpy(float)


class TestCurves:
    def test_mean_and_interval_of_the_chosen_setting(self):
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

    def test_one_measure_and_another_axis(self):
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
    def test_best_so_far_is_read_where_validation_was_best(self):
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

    def test_restarts_are_where_torch_raises_the_rate(self):
        runs, metrics = study(schedule="cosine_restarts", steps=(0, 40, 80, 120))
        restarts = anytime.data(RunTable(runs, metrics)).restarts
        parameter = torch.nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([parameter], lr=1.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 10, 2)
        raised, before = [], 1.0
        for step in range(1, 121):  # 10 steps an epoch
            optimizer.step()
            schedule.step()
            if schedule.get_last_lr()[0] > before:
                raised.append(step)
            before = schedule.get_last_lr()[0]
        steps = restarts.loc[restarts["optimizer"] == "adamw", "step"].tolist()
        assert raised == [10, 30, 70] and steps == raised

    def test_schedules_have_lines_of_their_own(self):
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
    def test_loss_vs_error_has_every_run_that_ended(self):
        runs, metrics = study(diverged_from=0.1)
        points = loss_vs_error.data(RunTable(runs, metrics))
        assert len(points) == 2 * 2 * 4 * 3 and points["selected"].sum() == 6
        assert points["diverged"].unique().tolist() == [2 * 4 * 3]
        assert points["x"].tolist() == pytest.approx((1.5 * points["y"]).tolist())
        points = loss_vs_error.data(RunTable(runs, metrics), x="train_error", y="gap_loss")
        assert points[["x_name", "y_name"]].drop_duplicates().to_numpy().tolist() == [
            ["train_error", "gap_loss"]
        ]

    def test_strip_has_the_chosen_setting_s_seeds(self):
        shown = strip.data(TABLE)
        seeds = shown.seeds
        assert seeds["metric"].unique().tolist() == ["test_error", "gap_error"]
        mine = seeds[(seeds["optimizer"] == "adamw") & (seeds["metric"] == "test_error")]
        assert mine["value"].tolist() == final(BEST, "adamw", "test_error").tolist()
        mean = shown.means.set_index(["metric", "optimizer"]).loc[("test_error", "adamw")]
        assert mean["estimate"] == pytest.approx(mine["value"].mean()) and mean["n"] == 3
        assert mean["ci_low"] < mine["value"].min() and mean["ci_high"] > mine["value"].max()
        assert set(strip.data(table(regression=True)).seeds["metric"]) == {"test_loss", "gap_loss"}

    def test_heatmap_has_the_grid_its_best_and_what_diverged(self):
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
    def test_sensitivity_is_the_cells_in_line_with_the_best(self):
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

    def test_divergence_marks_what_does_not_train_below_the_frontier(self):
        runs, metrics = study(diverged_from=0.1)
        stuck = (runs["lr"] == 1e-3) & (runs["wd"] == 1e-2) & (runs["optimizer"] == "adamw")
        runs.loc[stuck & (runs["seed"] == 1), "train_loss"] = 3.0  # about where it began
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

    def test_matched_gap_where_the_truth_is_a_line(self):
        gaps = matched_gap.data(TABLE, metric="gap_error")
        # In made runs the gap at the end is as large as the training error, a sixth of twice the loss.
        ends = gaps[gaps["source"] == "settings"]
        assert ends["estimate"].tolist() == pytest.approx(
            (ends["train_loss"] / 3).tolist(), rel=2e-2
        )
        assert set(matched_gap.data(table(regression=True))["metric"]) == {"gap_loss"}

    def test_tuning_curves_begin_at_the_mean_and_end_at_the_chosen(self):
        curves = tuning_curves.data(TABLE).set_index(["optimizer", "k"])["estimate"]
        assert curves["adamw", 1] == pytest.approx(final(RUNS, "adamw", "test_error").mean())
        by_seed = RUNS[RUNS["optimizer"] == "adamw"].groupby("seed")
        chosen = [g.loc[g["val_error"].idxmin(), "test_error"] for _, g in by_seed]
        assert curves["adamw", 12] == pytest.approx(np.mean(chosen))

    def test_profiles_need_problems(self):
        runs, metrics = study(problems=FIVE)
        wins = profiles.data(RunTable(runs, metrics)).set_index(["optimizer", "tau"])["estimate"]
        assert wins["adam_l2", 1] + wins["adamw", 1] == 1 and wins["adam_l2", 1] > 0.5
        with pytest.raises(NothingToDraw, match="several problems with the same"):
            profiles.data(TABLE)


class TestOptions:
    def test_hue_and_facet_are_any_columns(self):
        labels = relabel(TABLE, hue="lr", facet="seed")
        assert ordered(labels.optimizers) == ["lr 0.001", "lr 0.01", "lr 0.1"]
        assert ordered(labels.problems) == ["seed 0", "seed 1", "seed 2"]
        two = table(problems=("a", "b"))
        assert set(relabel(two, facet="optimizer").problems) == {
            f"{p}, mlp, {o}" for p in "ab" for o in ("adam_l2", "adamw")
        }
        with pytest.raises(ConfigError, match=r"no column 'sed' .* Did you mean 'seed'"):
            relabel(TABLE, hue="sed")

    def test_an_optimizer_that_hue_does_not_name_is_a_setting(self):
        seeds = PLOTS["strip"].data(TABLE, hue="lr", metric="test_error").seeds
        mine = seeds.loc[seeds["optimizer"] == "lr 0.01", "value"]
        assert mine.tolist() == final(BEST, "adam_l2", "test_error").tolist()  # the better one

    def test_wrong_metrics_have_a_near_one(self):
        with pytest.raises(ConfigError, match=r"no metric 'test_eror'. Did you mean 'test_error'"):
            strip.data(TABLE, metric="test_eror")
        with pytest.raises(ConfigError, match="no metric 'optimizer'"):
            strip.data(TABLE, metric="optimizer")

    @pytest.mark.parametrize("name", PLOTS)
    def test_plots_describe_themselves(self, name):
        plot = PLOTS[name]
        assert plot.title and plot.caption and "\n" not in plot.title
        assert {"hue", "facet"} <= set(plot.options) <= {"metric", "x", "y", "hue", "facet"}


def test_optimizers_keep_their_styles():
    assert optimizer_styles(["adamw", "sgd"])["sgd"] == optimizer_styles(["sgd"])["sgd"]
    assert (
        optimizer_styles(["sgd (independent)"])["sgd (independent)"]
        == optimizer_styles(["sgd"])["sgd"]
    )
    every = optimizer_styles(["mine", "adamw", "adam_l2", "yours"])
    assert len({color for color, _ in every.values()}) == 4
    assert ordered(["zz", "adamw", "adam_l2"]) == ["adam_l2", "adamw", "zz"]
    assert len(set(optimizer_styles([f"own{i}" for i in range(20)]).values())) == 20
    assert (
        len(
            {color for color, _ in optimizer_styles([f"lr {10**-i:g}" for i in range(10)]).values()}
        )
        == 10
    )
    assert len(set(PALETTE)) == len(PALETTE) == 8


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ([1], "One seed: too few for an interval"),
        ([4, 4], "Mean and 95 % interval (Student's t) over 4 seeds (few: wide)"),
        ([5, 9], "Mean and 95 % interval (Student's t, corrected for skewness) over 5 to 9 seeds"),
        ([3, 9], "(Student's t, corrected for skewness from 5 seeds on) over 3 to 9 seeds"),
    ],
)
def test_notes_name_the_interval(seeds, says):
    assert says in interval_note(seeds)


def test_labels():
    assert metric_label("test_error", "cross_entropy") == "test error"
    assert metric_label("train_loss", "mse") == "training mean squared error"
    assert metric_label("best_gap_loss", "mine") == "gap in mine at the best validation score"
    assert metric_label("param_norm", "mse") == "param norm"
    assert [tick_label(v, [0, 0.25, 0.5]) for v in (0, 0.25)] == ["0", "$2^{-2}$"]
    assert tick_label(1e-4, [1e-4, 1e-2]) == "$10^{-4}$"
    assert [tick_label(v, [3e-4, 1e-3, 0.03]) for v in (3e-4, 1e-3, 0.03)] == [
        "3e-4",
        "$10^{-3}$",
        "0.03",
    ]


LONG = "a_variant_of_mine_whose_name_is_very_long_indeed_and_goes_on"
NAMES = ("adam_l2", "adamw", "sgd", "sgdw", "adam", LONG, "a$b$_^{x", "</text><&\x00")
FIVE = ("mnist1d", "digits", "cifar10", "teacher", "a_long_name_of_a_dataset_of_mine")
ODD = {
    "usual": TABLE,
    "eight optimizers, one seed": table(NAMES, seeds=1),
    "regression, two problems, two seeds, diverged": table(
        problems=("d", "e"), regression=True, seeds=2, diverged_from=0.02
    ),
    "one run": table(["adamw"], lr=(1e-2,), wd=(0.0,), seeds=1),
    "five problems": table(NAMES[:3], FIVE),
    "two seeds": table(seeds=2),
    "diverged": table(diverged_from=0.02, seeds=4),
    "restarts": table(schedule="cosine_restarts"),
    "one setting": table(lr=(1e-2,), wd=(0.0,), seeds=5),
    "no curves": table(steps=(40,)),
    "no wd": table(wd=(0.0,)),
    "wd 0 too": table(wd=(0.0, 1e-3, 1e-2)),
}
ALONE = {"one setting", "one run"}
SAFE = {kind for kind in ODD if "diverged" not in kind}
ONE_PROBLEM = {*ODD} - {"regression, two problems, two seeds, diverged", "five problems"}
#: Which plots do not apply to which studies.
NOT_DRAWN = {
    "heatmap": {*ALONE, "no wd"},
    "divergence": SAFE,
    "forest": {"one run", "eight optimizers, one seed"},
    "matched_gap": set(),
    "profiles": ONE_PROBLEM,
    "sensitivity": ALONE,
    "tuning_curves": ALONE,
    **{name: {"no curves"} for name in ("learning_curves", "gap_curves", "anytime", "norms")},
}
#: Where optimizers have no artists of their own.
NOT_HIDDEN = {"forest"}


def kinds():
    """The first few by default; the others take minutes for all plots."""
    quick = [*ODD][1:4]
    return [pytest.param(k, marks=[] if k in quick else pytest.mark.slow) for k in ODD]


@pytest.mark.parametrize("kind", kinds())
@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_of_every_odd_study_is_whole(name, kind):
    table = ODD[kind]
    if kind in NOT_DRAWN.get(name, ()):
        with pytest.raises(NothingToDraw) as none:
            PLOTS[name].data(table)
        assert re.fullmatch(r"[A-Z].*\.", str(none.value))
        return
    figure = PLOTS[name].figure(table)
    svg = saved(figure, "svg", name)
    assert len(svg) < 600_000
    assert 3.3 < figure.get_figwidth() < 7.1
    drawn = figure.get_tightbbox()
    assert drawn.x0 > -0.02 and drawn.x1 < figure.get_figwidth() + 0.02, "beyond the figure"
    ids = {e.get("id", "") for e in ET.fromstring(svg).iter()}
    marked = {i.removeprefix("optimizer:") for i in ids if i.startswith("optimizer:")}
    for optimizer in () if name in NOT_HIDDEN else relabel(table).optimizers:
        assert any(optimizer in m for m in marked), f"{optimizer} cannot be hidden"


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_opens_in_every_format(name):
    several = table(problems=("d", "e"), diverged_from=0.1)
    figure = PLOTS[name].figure(several)
    files = {suffix: saved(figure, suffix, name) for suffix in FORMATS}
    with Image.open(io.BytesIO(files["png"])) as image:
        assert image.size == pytest.approx(figure.get_size_inches() * 200, abs=1)
        assert len(image.convert("RGB").getcolors(1 << 20)) > 20
    assert files["pdf"].startswith(b"%PDF")
    assert "adamw" in " ".join(ET.fromstring(files["svg"]).itertext())


def saved(figure, suffix, name) -> bytes:
    file = io.BytesIO()
    save(figure, file, suffix, name)
    return file.getvalue()


def test_the_same_data_gives_the_same_files():
    def drawn():
        return saved(PLOTS["strip"].figure(TABLE), "svg", "strip")

    assert drawn() == drawn()


class TestWhere:
    TABLE = pd.DataFrame(
        {"optimizer": ["sgd", "adamw", "adam"], "lr": [0.1, 0.01, 0.001], "optimizer.momentum": [0.9, np.nan, np.nan], "seed": pd.array([0, 1, None], "Int64")}
    )  # fmt: skip

    @pytest.mark.parametrize(
        ("query", "rows"),
        [
            ("optimizer in ['sgd', 'adam']", [0, 2]),
            ("optimizer not in ['sgd', 'adam']", [1]),
            ("lr > 0.005 and not optimizer == 'sgd'", [1]),
            ("(lr > 0.05) | (lr < 0.005)", [0, 2]),
            ("0.005 < lr < 0.05", [1]),
            ("optimizer.momentum == 0.9", [0]),
            ("`optimizer.momentum` >= 0", [0]),
            ("seed < 5", [0, 1]),
            ("lr * 10 == 0.1", [1]),
        ],
    )
    def test_rows(self, query, rows):
        assert np.flatnonzero(where(self.TABLE, query)).tolist() == rows

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("optimiser == 'sgd'", "no column 'optimiser'. Did you mean 'optimizer'"),
            ("optimizer == sgd", "no column 'sgd'. Put text values in quotes: 'sgd'"),
            ("optimizer = 'sgd'", "not an expression. Equality is '=='"),
            ("lr >", "not an expression"),
            ("1 < 2", "names no column"),
            ("lr + 1", "Cannot read the query"),
            ("lr > 'a'", "Invalid comparison"),
            ("@self.lr > 0", "not an expression"),
            ("optimizer.to_csv('stolen')", "Call is not allowed"),
            ("__import__('os').system('touch stolen')", "Call is not allowed"),
            ("[x for x in lr]", "ListComp is not allowed"),
            ("lr.__class__ == 1", "no column 'lr.__class__'"),
            ("(lambda: 1)() == lr", "is not allowed"),
            ("lr ** 9 ** 9", "Pow is not allowed"),
        ],
    )
    def test_words(self, query, words, tmp_path):
        with pytest.raises(ConfigError, match=re.escape(words)):
            where(self.TABLE, query)
        assert not any(tmp_path.iterdir())


MINE = '''
"""Mine: the runs' losses."""
from matplotlib.figure import Figure
def data(runs, metrics, *, metric="train_loss"):
    return runs[metric]
def draw(data):
    figure = Figure()
    figure.subplots().hist(data)
    return figure
'''


class TestCommand:
    def test_a_study_that_only_diverged(self, results, capsys):
        data = ["dataset=teacher", "dataset.train_examples=200", "steps=50", "study=d"]
        assert main(["sweep", *data, "lr=1e6,1e7", "wd=0.1,0.2", "seeds=2"]) == 0
        assert "`adamcmp plot divergence d` shows where" in capsys.readouterr().out
        assert main(["plot", "divergence", "d"]) == 0
        assert (results / "d" / "report" / "divergence.png").exists()
        for name in PLOTS.keys() - {"divergence", "heatmap"}:
            assert main(["plot", name, "d"]) == 2, name
        for path in (results / "d" / "runs").iterdir():  # all of them crashed
            rows = pq.read_table(path).to_pandas().assign(status="failed")
            with pytest.raises(NothingToDraw):
                PLOTS["strip"].data(RunTable.from_frames(rows))

    @pytest.fixture
    def s(self, results, tmp_path_factory):
        """Study s, trained once for all tests."""
        trained = tmp_path_factory.getbasetemp() / "study_of_plots"
        if trained.exists():
            shutil.copytree(trained, results / "s")
        else:
            data = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
            grid = ["optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "wd=1e-3,1e-2"]
            adamcmp.sweep([*data, *grid, "steps=6", "eval.every_steps=2", "study=s"])
            shutil.copytree(results / "s", trained)
        return results / "s"

    def test_alone_it_lists(self, capsys):
        assert main(["plot"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [text.split()[0] for text in lines] == list(PLOTS)
        assert all(len(text.split()) > 3 for text in lines)

    def test_draws(self, s, capsys, tmp_path):
        assert main(["plot", "heatmap", "s"]) == 0
        assert capsys.readouterr().out == f"{s}/report/heatmap.png\n"
        query = ["--where", "optimizer in ['adamw']", "--metric", "loss", "--x", "step"]
        assert main(["plot", "learning_curves", "s", *query, "--out", "new/f.svg"]) == 0
        text = " ".join(ET.parse(tmp_path / "new" / "f.svg").getroot().itertext())
        assert "adamw" in text and "adam_l2" not in text and "steps" in text
        assert "cross-entropy" in text and "error" not in text
        assert main(["plot", "strip", "--hue", "lr", "--out", "f.PDF"]) == 0
        assert (tmp_path / "f.pdf").read_bytes().startswith(b"%PDF")

    def test_several_studies(self, s, capsys, results):
        adamcmp.run(["dataset=digits", "steps=4", "eval.every_steps=2", "study=t"])
        assert main(["plot", "strip", "s", "t"]) == 0
        assert (results / "s+t" / "report" / "strip.png").is_file()
        assert main(["plot", "strip", "s", "t", "--facet", "study", "--out", "f.svg"]) == 0

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["heatmp", "s"], "no plot 'heatmp'. Did you mean 'heatmap'?"),
            (["heatmap", "s", "--x", "lr"], "has no --x. Its options: --metric"),
            (["heatmap", "r"], "no study 'r'"),
            (["heatmap", "s", "--out", "f.jpg"], "ends in .png, .svg, .pdf"),
            (["heatmap", "s", "--out", "f"], "ends in .png, .svg, .pdf"),
            (["heatmap", "s", "--out", "folder.png"], "is a folder. Name a file"),
            (["heatmap", "s", "--out", "a_file/f.png"], "Cannot write"),
            (["heatmap", "s", "--where", "lr > 7"], "s has no run that matches 'lr > 7'"),
            (["heatmap", "s", "--where", "wd == 0.01"], "grid of several lr"),
            (["strip", "s", "--metric", "tst_loss"], "Did you mean 'test_loss'"),
            (["mine.py", "s"], "no file mine.py"),
        ],
    )
    def test_bad_words(self, s, words, says, capsys, tmp_path):
        (tmp_path / "folder.png").mkdir()
        (tmp_path / "a_file").touch()
        before = {*tmp_path.rglob("*")}
        assert main(["plot", *words]) == 2
        err = capsys.readouterr().err
        assert says in err and len(err.splitlines()) <= 2 and "Traceback" not in err
        assert {*tmp_path.rglob("*")} == before

    def test_a_file_of_one_s_own(self, s, tmp_path, capsys):
        (tmp_path / "mine.py").write_text(MINE)
        assert main(["plot", "mine.py", "s", "--metric", "test_loss", "--out", "m.png"]) == 0
        assert (tmp_path / "m.png").is_file()
        assert main(["plot", "mine.py", "s"]) == 0 and (s / "report" / "mine.png").is_file()
        capsys.readouterr()
        assert main(["plot", "mine.py", "s", "--hue", "lr"]) == 2
        assert "has no --hue. Its options: --metric." in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            (
                "def data(runs, metrics): ...",
                "has no function draw: a plot has data(runs, metrics)",
            ),
            ("import no_such_module", "mine.py, line 1: ModuleNotFoundError"),
            ("x = (", "mine.py, line 1: SyntaxError"),
            (MINE.replace("runs[metric]", "runs['no']"), "mine.py, line 5 in data: KeyError: 'no'"),
            (
                MINE.replace("return figure", "return 3"),
                "draw returned int, not a matplotlib Figure",
            ),
        ],
    )
    def test_a_broken_file(self, s, text, says, tmp_path, capsys):
        (tmp_path / "mine.py").write_text(text)
        assert main(["plot", "mine.py", "s"]) == 2
        assert says in capsys.readouterr().err

    def test_completion(self, s):
        assert candidates("adamcmp plot hea") == ["heatmap"]
        assert candidates("adamcmp plot ") == sorted(PLOTS)
        assert candidates("adamcmp plot heatmap ")[-1] == "s"
        assert "--where" in candidates("adamcmp plot heatmap s --w")
