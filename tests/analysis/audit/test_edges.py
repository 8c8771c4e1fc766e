"""Selected settings on the edge of their grid."""

import pandas as pd
import pytest

from adamcmp.analysis import RunTable, edges
from tests.support.audited import audited, findings_of, study


def surface(lr_best, wd_best, seeds=2):
    """Runs whose validation error is lowest at one cell."""
    return pd.DataFrame(
        [
            {
                "run_id": f"{lr}{wd}{seed}", "dataset": "d", "model": "m", "optimizer": "adamw",
                "lr": lr, "wd": wd, "seed": seed, "status": "done",
                "val_error": abs(lr - lr_best) + abs(wd - wd_best), "test_error": 0.5,
            }
            for lr in (0.001, 0.01, 0.1) for wd in (0.0, 0.1, 0.2) for seed in range(seeds)
        ]
    )  # fmt: skip


def test_edges_of_a_surface():
    def actual(lr, wd):
        return {
            (edge.axis, edge.best, edge.beyond)
            for edge in edges(RunTable.from_frames(surface(lr, wd)))
        }

    assert actual(0.01, 0.1) == set()  # the value beyond is 0, which was tried
    assert actual(0.1, 0.2) == {("lr", 0.1, 1.0), ("wd", 0.2, 0.3)}
    assert actual(0.001, 0.0) == {("lr", 0.001, 0.0001)}


def test_edges_of_a_grid_over_the_product():
    def actual(lr, product):
        runs = surface(lr, product)
        runs = runs[runs["wd"] > 0].assign(wd=lambda r: r["wd"] / r["lr"])
        return {
            (edge.axis, edge.best, edge.beyond)
            for edge in edges(RunTable.from_frames(runs))
            if edge.keeps_lr_wd
        }

    assert actual(0.01, 0.1) == {("lr_wd", 0.1, 0.05)}
    assert actual(0.1, 0.2) == {("lr", 0.1, 1.0), ("lr_wd", 0.2, 0.4)}


def test_a_search_has_no_edges():
    """Every setting has other values, and those of the best one may be the largest."""
    pairs = surface(0.1, 0.2)
    lr, wd = (sorted(set(pairs[axis])) for axis in ("lr", "wd"))
    diagonal = pairs[pairs["lr"].map(lr.index) == pairs["wd"].map(wd.index)]
    assert len(diagonal) == 6 and edges(RunTable.from_frames(diagonal)) == []


@pytest.mark.parametrize(
    ("searched", "axes"),
    [
        ({}, {"lr", "wd"}),  # not recorded: they look like a grid
        ({"s": [frozenset()]}, {"lr", "wd"}),
        ({"s": [{"lr"}]}, {"wd"}),
        ({"s": [{"lr", "wd"}]}, set()),
        ({"s": [{"lr"}, set()]}, {"lr", "wd"}),  # a search and a grid
    ],
)
def test_the_record_of_a_study_says_what_was_searched(searched, axes):
    table = RunTable.from_frames(surface(0.1, 0.2).assign(study="s")).recorded_as(searched)
    assert {edge.axis for edge in edges(table)} == axes
    assert table.where(table.runs["seed"] == 0).searched == searched


def test_a_recorded_grid_may_have_any_values():
    runs = surface(0.1, 0.2).assign(study="s")
    runs["lr"] = runs["lr"].map({0.001: 0.0123457, 0.01: 0.0151234, 0.1: 0.3456789}.get)
    table = RunTable.from_frames(runs)
    assert "lr" not in {edge.axis for edge in edges(table)}
    assert "lr" in {edge.axis for edge in edges(table.recorded_as({"s": [set()]}))}


def test_optima_on_the_edge_have_one_finding_per_problem_and_one_command():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1, 1.0))
    (finding,) = audited(runs, metrics)
    assert (finding.kind, finding.command) == ("edge", "adamcmp extend s")
    assert finding.text.startswith("The best settings of Adam+L2 (lr 0.1) and AdamW (lr 0.1) are")
    other = runs.assign(model="n", run_id="n" + runs["run_id"])
    other_metrics = metrics.assign(run_id="n" + metrics["run_id"])
    both = audited(pd.concat([runs, other], ignore_index=True), pd.concat([metrics, other_metrics]))
    assert [finding.command for finding in both] == [None, "adamcmp extend s"]


def test_one_optimum_on_the_edge():
    runs, metrics = study({"adamw": 0.25}, lrs=(0.1, 1.0))
    (finding,) = findings_of("edges ends", runs, metrics)
    assert finding.text.startswith("The best setting of AdamW (lr 0.1) is on the edge of its grid")


def test_imported_runs_cannot_be_extended():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1, 1.0), torch_version=None)
    assert [finding.command for finding in audited(runs, metrics)] == [None]


def test_equal_settings_have_no_edge():
    separable = surface(0.1, 0.2).assign(val_error=0.0)
    assert edges(RunTable.from_frames(separable)) == []
    flat_in_wd = surface(0.1, 0.2)
    flat_in_wd["val_error"] = (flat_in_wd["lr"] - 0.1).abs()
    assert {edge.axis for edge in edges(RunTable.from_frames(flat_in_wd))} == {"lr"}


def test_equal_errors_in_another_order_of_seeds_have_no_edge():
    """The mean of 0.1, 0.2 and 0.3 depends on their order in the last bit."""
    runs = surface(0.1, 0.2, seeds=3)
    order = runs["lr"].map({0.001: [3, 2, 1], 0.01: [1, 2, 3], 0.1: [2, 3, 1]}.get)
    runs["val_error"] = [
        0.1 * places[seed] for places, seed in zip(order, runs["seed"], strict=True)
    ]
    assert edges(RunTable.from_frames(runs)) == []


def test_an_optimizer_that_always_diverged_has_no_edge():
    runs = surface(0.1, 0.2).assign(status="diverged", val_error=None, test_error=None)
    runs["val_error"] = runs["val_error"].astype(float)
    assert edges(RunTable.from_frames(runs)) == []
