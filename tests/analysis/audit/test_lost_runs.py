"""Runs that diverged, failed or are missing."""

import numpy as np
import pytest

from adamcmp.analysis import RunTable, budgets
from tests.support.audited import GRID, METRICS, audited, findings_of, study


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_lost_runs_are_counted(status):
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    without_result = (runs["optimizer"] == "adamw") & (runs["lr"] == 1.0) & (runs["seed"] < 2)
    runs.loc[without_result, "status"] = status
    runs.loc[without_result, list(METRICS)] = np.nan
    (finding,) = audited(runs, metrics)
    assert finding.kind == status and "AdamW 2 of 18" in finding.text
    assert finding.severity == ("note" if status == "diverged" else "warning")


def test_missing_runs_are_counted():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    existing = runs[~((runs["optimizer"] == "adamw") & (runs["lr"] == 1.0) & (runs["seed"] > 3))]
    assert budgets(RunTable.from_frames(existing))["missing"].tolist() == [0, 2]
    (finding,) = findings_of("lost_runs", existing, metrics)
    assert "AdamW 2 of 18" in finding.text


@pytest.mark.parametrize("lrs", [GRID, (0.1,)])
def test_a_sweep_cut_off_for_one_optimizer_has_missing_runs(lrs):
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=lrs, seeds=8)
    adamw = runs["optimizer"] == "adamw"
    cut = runs[~(adamw & (runs["seed"] > 4))]  # at a seed
    assert budgets(RunTable.from_frames(cut))["missing"].tolist() == [0, 3 * len(lrs)]
    assert [finding.kind for finding in findings_of("lost_runs", cut, metrics)] == ["missing"]
    ragged = runs[~(adamw & (runs["seed"] > 4 - (runs["lr"] == 1.0) + (runs["lr"] == 0.1)))]
    assert budgets(RunTable.from_frames(ragged))["missing"].tolist() == [
        0,
        9 if len(lrs) > 1 else 2,
    ]


def test_a_selected_setting_that_diverged():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=(0.1,))
    runs.loc[runs["run_id"] == "adamw-0.1-0", ["status", *METRICS]] = ["diverged", *[np.nan] * 5]
    actual = audited(runs, metrics)
    assert [f.severity for f in actual] == ["warning", "note"]
    assert "1 run of the selected setting of AdamW diverged" in actual[0].text


def test_an_optimizer_that_always_diverged_has_no_mean_over_the_others():
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25})
    adamw = runs["optimizer"] == "adamw"
    runs.loc[adamw, ["status", *METRICS]] = ["diverged", *[np.nan] * 5]
    findings = findings_of("lost_runs", runs, metrics)
    (finding,) = [f for f in findings if "selected setting of AdamW" in f.text]
    assert finding.text.startswith("Every run of the selected setting of AdamW diverged, so it has")
    assert finding.severity == "warning" and "others" not in finding.text
