"""Optimizers that are trained otherwise than their authors intend."""

import pytest

from tests.support.audited import findings_of, study


@pytest.mark.parametrize(
    ("rule", "intended", "other", "text"),
    [
        (
            "schedulefree_adamw",
            {"schedule": "constant"},
            {"schedule": "cosine"},
            "was trained with schedule=cosine",
        ),
        ("asgd", {"optimizer.t0": 50.0}, {"optimizer.t0": 1e6}, "averages weights from step 1e+06"),
        (
            "lion",
            {"optimizer.lookahead_steps": 100},
            {"optimizer.lookahead_steps": 101},
            "was evaluated at its initial weights",
        ),
        ("rprop", {"batch_size": 100}, {"batch_size": 10}, "was trained with mini-batches"),
    ],
)
def test_another_use_than_the_intended_one_is_named(rule, intended, other, text):
    runs, metrics = study({rule: 0.3, "sgd": 0.25}, schedule="constant")
    runs.loc[runs["optimizer"] == rule, "rule"] = rule
    runs = runs.assign(**intended)
    assert findings_of("intended_use", runs, metrics) == []
    runs.loc[runs["optimizer"] == rule, list(other)] = list(other.values())
    (finding,) = findings_of("intended_use", runs, metrics)
    assert text in finding.text and finding.severity == "note"
