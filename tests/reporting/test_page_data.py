"""The data of the page's script."""

import json
import math

import pytest

from adamcmp.reporting.page_data import measured_metrics, page_data
from tests.support import hand_made


@pytest.fixture
def table():
    """Runs of two problems, some of them diverged."""
    return hand_made.table(problems=("d", "e"), seeds=2, diverged_from=0.1)


def test_each_column_has_a_value_for_each_run(table):
    data = page_data(table)
    assert {len(column) for column in data["runs"].values()} == {len(table.runs)}
    assert {len(column) for column in data["metrics"].values()} == {len(table.runs)}
    assert len(data["colors"]) == len(data["optimizers"])
    json.dumps(data, allow_nan=False)  # JSON has no NaN


def test_values_are_those_of_the_runs(table):
    data, runs = page_data(table), table.runs
    columns = data["runs"]
    assert [data["optimizers"][i] for i in columns["optimizer"]] == runs["optimizer"].tolist()
    assert [data["problems"][i] for i in columns["problem"]] == runs["problem"].tolist()
    assert columns["lr"] == runs["lr"].tolist() and columns["status"] == runs["status"].tolist()
    for shown, exact in zip(data["metrics"]["test_error"], runs["test_error"], strict=True):
        assert shown is None if math.isnan(exact) else shown == pytest.approx(100 * exact, rel=1e-4)


def test_selected_runs_are_those_of_rank_0(table):
    columns = page_data(table)["runs"]
    selected = {i for i, chosen in zip(columns["id"], columns["selected"], strict=True) if chosen}
    assert selected == set(table.selected()["run_id"])
    ranks = dict(zip(columns["id"], columns["rank"], strict=True))
    assert {ranks[run_id] for run_id in selected} == {0}
    assert all(rank > 0 for run_id, rank in ranks.items() if run_id not in selected)


def test_metrics_without_values_are_left_out():
    regression = hand_made.table(regression=True)
    names = measured_metrics(regression)
    assert names and not any("error" in name for name in names)
    assert list(page_data(regression)["metrics"]) == names


@pytest.mark.parametrize(
    ("select", "first"), [("loss", "test_loss"), ("accuracy", "test_accuracy")]
)
def test_the_metric_of_the_selection_is_the_first(table, select, first):
    selected = table.with_runs(table.runs.assign(select=select))
    assert measured_metrics(table)[0] == "test_error"
    names = measured_metrics(selected)
    assert names[0] == first and names.count(first) == 1
