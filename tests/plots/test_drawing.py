"""Styles, notes and labels."""

import pytest

from adamcmp.plots.drawing.grids import tick_label
from adamcmp.plots.drawing.labels import interval_note, metric_label
from adamcmp.plots.drawing.styles import PALETTE, optimizer_styles, ordered


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


@pytest.mark.parametrize(
    ("seeds", "note"),
    [
        ([1], "One seed: too few for an interval"),
        ([4, 4], "Mean and 95 % interval (Student's t) over 4 seeds (few: wide)"),
        ([5, 9], "Mean and 95 % interval (Student's t, corrected for skewness) over 5 to 9 seeds"),
        ([3, 9], "(Student's t, corrected for skewness from 5 seeds on) over 3 to 9 seeds"),
    ],
)
def test_notes_name_the_method_of_intervals(seeds, note):
    assert note in interval_note(seeds)


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
