"""Styles, notes and labels."""

import numpy as np
import pandas as pd
import pytest

from adamcmp.analysis.ordering import ordered
from adamcmp.analysis.question import Question
from adamcmp.plots import PLOTS
from adamcmp.plots.drawing.labels import (
    in_shown_unit,
    interval_note,
    metric_label,
    tick_labels,
)
from adamcmp.plots.drawing.legends import optimizer_handles
from adamcmp.plots.drawing.muting import MUTED_COLOR, muted_optimizers, muting
from adamcmp.plots.drawing.panels import log_x_axis, panels
from adamcmp.plots.drawing.styles import PALETTE, optimizer_styles
from tests.support import hand_made


def test_optimizers_keep_their_styles():
    assert optimizer_styles(["adamw", "sgd"])["sgd"] == optimizer_styles(["sgd"])["sgd"]
    assert (
        optimizer_styles(["sgd (independent)"])["sgd (independent)"]
        == optimizer_styles(["sgd"])["sgd"]
    )
    every = optimizer_styles(["mine", "adamw", "adam_l2", "yours"])
    assert len({color for color, _ in every.values()}) == 4
    assert ordered(["zz", "adamw", "adam_l2"]) == ["adam_l2", "adamw", "zz"]
    assert len(set(optimizer_styles([f"optimizer{i}" for i in range(20)]).values())) == 20
    assert (
        len(
            {color for color, _ in optimizer_styles([f"lr {10**-i:g}" for i in range(10)]).values()}
        )
        == 10
    )
    assert len(set(PALETTE)) == len(PALETTE) == 8


def test_of_many_optimizers_the_best_and_the_baseline_are_in_color():
    names = [f"optimizer{i:02}" for i in range(12)]
    table = hand_made.table(optimizers=names, seeds=2)
    assert muted_optimizers(hand_made.table(optimizers=names[:10])) == frozenset()
    # The test error, and here the validation error, grows by a percent from one to the next.
    assert muted_optimizers(table) == set(names[6:])
    table = table.asking(Question(baseline=names[11]))
    muted = muted_optimizers(table)
    assert muted == set(names[6:11])
    with muting(muted):
        styles = optimizer_styles(names)
        labels = [handle.get_label() for handle in optimizer_handles(names)]
    colors = [styles[name].color for name in names]
    assert list(styles) == names and set(colors[6:11]) == {MUTED_COLOR}
    assert len({*colors[:6], colors[11]}) == 7 and "#888888" not in colors
    assert labels == [*names[:6], names[11], "5 others"]
    figure = PLOTS["learning_curves"].figure(table)
    bands = [c for c in figure.axes[0].collections if str(c.get_gid()).startswith("optimizer:")]
    assert {c.get_gid() for c in bands} == {f"optimizer:{n}" for n in (*names[:6], names[11])}


@pytest.mark.parametrize(
    ("seeds", "note"),
    [
        ([1], "One seed: too few for an interval"),
        ([4, 4], "Mean and 95 % interval (Student's t) over 4 seeds (few: wide)"),
        ([5, 9], "Mean and 95 % interval (Student's t) over 5 to 9 seeds"),
    ],
)
def test_notes_name_the_method_of_intervals(seeds, note):
    assert note in interval_note(seeds)


def test_values_are_in_the_unit_of_their_label():
    values = pd.DataFrame({"metric": ["gap_error", "test_loss", "param_norm"], "estimate": 0.5})
    assert in_shown_unit(values, ["estimate"])["estimate"].tolist() == [50, 0.5, 0.5]
    assert values["estimate"].tolist() == [0.5] * 3


@pytest.mark.parametrize(
    "name",
    [
        *("anytime", "forest", "gap_curves", "heatmap", "learning_curves", "loss_vs_error"),
        *("matched_gap", "sensitivity", "strip", "tuning_curves"),
    ],
)
def test_errors_are_drawn_in_percent(name):
    figure = PLOTS[name].figure(hand_made.table())
    limits = [
        limit
        for ax in figure.axes
        for label, limit in ((ax.get_xlabel(), ax.get_xlim()), (ax.get_ylabel(), ax.get_ylim()))
        if "%" in label or "points" in label
    ]
    assert limits and all(np.abs(limit).max() > 1 for limit in limits)


def test_labels():
    assert metric_label("test_error", "cross_entropy") == "test error (%)"
    assert metric_label("gap_error", "mse") == "gap in error (points)"
    assert metric_label("val_accuracy", "mse", difference=True) == "validation accuracy (points)"
    assert metric_label("train_loss", "mse") == "training mean squared error"
    assert metric_label("best_gap_loss", "mine") == "gap in mine at the best validation score"
    assert metric_label("param_norm", "mse") == "param norm"


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0, 0.25, 0.5], ["0", "$2^{-2}$", "$2^{-1}$"]),
        ([1e-4, 1e-2], ["$10^{-4}$", "$10^{-2}$"]),
        ([3e-4, 1e-3, 0.03], ["0.0003", "0.001", "0.03"]),
        ([1e-3, 10**-2.5, 1e-2, 10**-1.5, 1e-1], ["0.001", "0.0032", "0.01", "0.032", "0.1"]),
        ([0, 1e-5, 3e-5, 1e-1], ["0", "1e-5", "3e-5", "1e-1"]),
        ([3, 100, 1536], ["3", "100", "1536"]),
        ([0.1], ["0.1"]),
    ],
)
def test_the_labels_of_an_axis_have_one_form(values, labels):
    assert tick_labels(values) == labels


@pytest.mark.parametrize(
    ("values", "ticks", "labels"),
    [
        ([1, 2], [1, 2], ["1", "2"]),
        ([1, 2, 3, 4], [1, 2, 3, 4], ["1", "2", "3", "4"]),
        ([2, 5, 9], [2, 3, 5, 9], ["2", "3", "5", "9"]),
        ([0.01, 0.02], [0.01, 0.013, 0.016, 0.02], ["0.01", "0.013", "0.016", "0.02"]),
    ],
)
def test_a_short_logarithmic_axis(values, ticks, labels):
    """There are no 1.3 trials."""
    _, ((ax,),) = panels([""])
    ax.plot(values, values)
    log_x_axis(ax, pd.Series(values, dtype=float))
    assert ax.get_xticks().tolist() == pytest.approx(ticks)
    assert [text.get_text() for text in ax.get_xticklabels()] == labels
