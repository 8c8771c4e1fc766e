"""The five columns of the best settings."""

import numpy as np
import pytest

from adamcmp.analysis import RunTable
from adamcmp.analysis.measures.best_settings import BEST_SETTINGS
from adamcmp.reporting.formats import as_csv, as_latex
from adamcmp.reporting.statistics import measure_table
from adamcmp.reporting.summary import five_columns
from adamcmp.reporting.tables import shown_columns
from tests.support import hand_made


def summary_of(table):
    return five_columns(measure_table(BEST_SETTINGS, table), table)


def headings(table):
    return [column.heading for column in shown_columns(table)]


def test_there_are_five_columns_in_percent():
    table = hand_made.table()
    summary = summary_of(table)
    assert headings(summary) == [
        *("optimizer", "best setting", "test error (%)", "gap in error (points)", "seeds")
    ]
    _, setting, error, _, seeds = shown_columns(summary)
    assert setting.texts[0] == "lr 0.01, wd 0.001" and seeds.texts[0] == "3"
    mean = hand_made.final(hand_made.best(table.runs), "adam_l2", "test_error").mean()
    assert float(error.texts[0].split()[0]) == pytest.approx(100 * mean, abs=0.01)
    assert 0 in error.best


def test_settings_of_parameter_groups_are_named_by_the_group():
    table = hand_made.table()
    column = "optimizer.groups.head.lr_scale"
    runs = table.runs.assign(**{column: table.runs["lr"] * 10, "optimizer.eps": table.runs["wd"]})
    _, setting, *_ = shown_columns(summary_of(RunTable.from_frames(runs, table.metrics)))
    assert setting.texts[0] == "lr 0.01, wd 0.001, head.lr_scale 0.1, eps 0.001"


def test_the_csv_file_keeps_fractions_and_all_metrics():
    summary = summary_of(hand_made.table())
    header = as_csv(summary).splitlines()[0].split(",")
    assert {"lr", "wd", "val_loss", "train_error_ci_low", "fresh"} <= set(header)
    assert summary.data["test_error"].max() < 1


def test_regression_and_several_problems():
    assert headings(summary_of(hand_made.table(regression=True)))[2:4] == [
        "test loss",
        "gap in loss",
    ]
    assert headings(summary_of(hand_made.table(problems=("d", "e"))))[0] == "problem"


def test_seeds_of_the_selection_are_named():
    summary = summary_of(hand_made.table())
    assert not summary.data["fresh"].any() and "look better than they are" in summary.caption


def test_the_latex_can_be_pasted():
    text = as_latex(summary_of(hand_made.table()))
    assert r"\begin{tabular}{llrrr}" in text and r"test error (\%)" in text
    (caption,) = (line for line in text.splitlines() if line.startswith(r"\caption"))
    assert len(caption) < 220
    assert all(ord(character) < 128 for character in text)


def test_settings_of_the_components_that_a_setting_has():
    runs = hand_made.table().runs
    ends = {"schedule.end": 0.1, "wd_schedule.end": runs["lr"], "optimizer.eps": np.nan}
    settings = summary_of(RunTable(runs.assign(**ends, schedule=runs["wd"].map(str))))
    assert settings.data["setting"][0] == "schedule 0.001, lr 0.01, wd 0.001, end 0.01"
    ends = {"schedule.end": runs["wd"], "wd_schedule.end": runs["lr"]}
    settings = summary_of(RunTable(runs.assign(**ends)))
    assert "schedule.end 0.001, wd_schedule.end 0.01" in settings.data["setting"][0]
