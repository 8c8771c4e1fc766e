"""The overrides of a rule compose to the rule."""

import pytest

from adamcmp.inspection.candidates import build_rule
from adamcmp.inspection.commands import overrides_of


@pytest.mark.parametrize(
    ("rule", "settings", "optimizer"),
    [
        ("adam", {"coupling": "l2", "weight_decay": 0.1, "cautious": True}, "adam_l2"),
        ("adam", {"amsgrad": True, "coupling": "decoupled"}, "amsgradw"),
    ],
)
def test_overrides(rule, settings, optimizer, composer):
    expected = build_rule(rule, 0.003, settings)
    overrides = overrides_of(expected)
    assert overrides[0] == f"optimizer={optimizer}"
    composed = composer.run(overrides).runs[0].optimizer
    assert composed.model_copy(update={"name": rule}) == expected
