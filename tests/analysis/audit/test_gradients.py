"""Optimizers that evaluate several gradients in a step."""

import pytest

from tests.support.audited import findings_of, study


@pytest.mark.parametrize(
    ("column", "single", "several"),
    [("optimizer.sam_rho", 0.0, 0.05), ("optimizer.closure", False, True)],
)
def test_an_optimizer_with_several_gradients_is_named(column, single, several):
    runs, metrics = study({"adamw": 0.3, "sgd": 0.25})
    assert findings_of("gradients", runs.assign(**{column: single}), metrics) == []
    assert findings_of("gradients", runs.assign(**{column: several}), metrics) == []
    some = runs.assign(**{column: [several if o == "sgd" else None for o in runs["optimizer"]]})
    (finding,) = findings_of("gradients", some, metrics)
    assert finding.text.startswith("SGD evaluates more than one gradient in each step")
    assert finding.severity == "note" and not finding.undermines


def test_only_the_best_setting_counts():
    runs, metrics = study({"adamw": 0.3, "sgd": 0.25})
    worse = runs[runs["optimizer"] == "sgd"].assign(lr=7.0, val_error=0.9, val_loss=9.0)
    worse["run_id"] = [f"{run_id}_sam" for run_id in worse["run_id"]]
    import pandas as pd

    both = pd.concat(
        [runs.assign(**{"optimizer.sam_rho": 0.0}), worse.assign(**{"optimizer.sam_rho": 0.1})]
    )
    assert findings_of("gradients", both, metrics) == []
