"""Validation sets whose sample of examples changes the errors of settings."""

import numpy as np
import pytest

from tests.support.audited import findings_of, study
from tests.support.random_numbers import rng


def runs_with(effect, **more):
    """Return runs whose validation errors differ from the test errors by setting."""
    lrs = tuple(10.0 ** np.arange(-3, 3))
    runs, metrics = study({"adam_l2": 0.3, "adamw": 0.25}, lrs=lrs, **more)
    noise = 0.01 * rng().normal(size=len(runs))
    by_setting = effect * rng().normal(size=len(runs) // 6).repeat(6)
    return runs.assign(val_error=runs["test_error"] + noise + by_setting), metrics


@pytest.mark.parametrize(("effect", "is_small"), [(0.0, False), (0.005, False), (0.03, True)])
def test_examples_that_change_errors_more_than_seeds_do(effect, is_small):
    findings = findings_of("validation_sets", *runs_with(effect))
    expected = [("warning", "a small validation set")] * is_small
    assert [(each.severity, each.undermines) for each in findings] == expected
    assert all("Adam+L2 " in each.text and "AdamW " in each.text for each in findings)


def test_few_seeds_or_equal_runs_do_not_show_it():
    assert findings_of("validation_sets", *runs_with(0.03, seeds=6)) != []
    runs, metrics = runs_with(0.03)
    assert findings_of("validation_sets", runs[runs["seed"] < 2], metrics) == []
    equal = runs.assign(val_error=runs["lr"])
    assert findings_of("validation_sets", equal, metrics) == []
