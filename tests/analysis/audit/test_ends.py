"""Selected settings whose value is the first or last one tried."""

import pandas as pd
import pytest

from tests.support.audited import findings_of, study


def tuned(column, values, best):
    """Runs of two optimizers over one more setting, with the least error at the best of it."""
    runs, metrics = study({"sgd": 0.3, "adamw": 0.25}, lrs=(0.1,))
    tried = []
    for place, value in enumerate(values):
        at_value = runs.assign(run_id=runs["run_id"] + f"-{value}")
        at_value[column] = [value] * len(at_value)
        at_value["val_error"] += 0.1 * abs(place - values.index(best))
        tried.append(at_value)
    return pd.concat(tried, ignore_index=True), metrics


@pytest.mark.parametrize(
    ("column", "values", "best", "actual"),
    [
        ("optimizer.momentum", [0.5, 0.9, 0.99], 0.99, "(momentum 0.99)"),
        ("optimizer.momentum", [0.5, 0.9, 0.99], 0.9, ""),
        ("optimizer.momentum", [0.9, 0.99], 0.99, ""),  # one of two values is always at an end
        ("optimizer.momentum", [0.0, 0.5, 0.9], 0.0, ""),
        ("optimizer.dampening", [0.0, 0.5, 1.0], 1.0, ""),
        ("optimizer.eps", [1e-8, 1e-4, 1.0], 1.0, "(eps 1)"),
        ("batch_size", [32, 64, 128], 32, "(batch size 32)"),
        ("batch_size", [1, 2, 4], 1, ""),
        ("optimizer.betas", [[0.9, 0.9], [0.9, 0.99], [0.9, 0.999]], [0.9, 0.999], "(beta2 0.999)"),
        ("optimizer.betas", [[0.9, 0.9], [0.9, 0.99], [0.9, 0.999]], [0.9, 0.99], ""),
        ("optimizer.amsgrad", [False, True], True, ""),
        ("eval.every_steps", [1, 2, 4], 4, ""),  # not tuned
    ],
)
def test_the_best_of_another_setting_at_its_end(column, values, best, actual):
    edge = findings_of("edges ends", *tuned(column, values, best))
    assert len(edge) == (2 if actual else 0) and all(f.command is None for f in edge)
    assert all(f"the smallest or largest value tried {actual}" in f.text for f in edge)


def test_equal_settings_are_at_no_end():
    runs, metrics = tuned("optimizer.momentum", [0.5, 0.9, 0.99], 0.5)
    runs["val_error"] = 0.0
    assert findings_of("edges ends", runs, metrics) == []


def test_a_best_setting_without_the_number_is_at_no_end():
    runs, metrics = tuned("schedule.T_mult", [2, 3, 4, None], None)
    runs["schedule.T_mult"] = runs["schedule.T_mult"].astype("Int64")
    assert findings_of("edges ends", runs, metrics) == []


def test_settings_of_a_search_have_no_ends():
    runs, metrics = tuned("optimizer.momentum", [0.5, 0.9, 0.99], 0.99)
    runs["lr"] = runs["wd"] = 0.1 + runs["optimizer.momentum"]
    assert findings_of("edges ends", runs, metrics) == []


def test_a_setting_that_only_one_optimizer_has_has_ends():
    runs, metrics = tuned("optimizer.momentum", [0.5, 0.9, 0.99], 0.99)
    runs["optimizer.momentum"] = runs["optimizer.momentum"].where(runs["optimizer"] == "sgd")
    (finding,) = findings_of("edges ends", runs, metrics)
    assert "SGD" in finding.text
