"""The values that shell completion offers for a setting."""

import pytest

from adamcmp.config import choices


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("optimizer.amsgrad", ["true", "false"]),
        ("optimizer.decay_filter", ["all", "no_bias_norm"]),
        ("schedule.form", ["linear", "cosine", "sqrt"]),
        ("dtype", ["auto", "float32", "float64", "bf16"]),
        ("sampler", ["random", "sobol", "tpe", "cmaes"]),  # optional
        ("lr", []),
        ("eval.every", []),
        ("optimizer.nope", []),
        ("nope.form", []),
        ("", []),
    ],
)
def test_choices(key, expected):
    assert choices(key) == expected


def test_choices_are_those_of_all_components_of_a_group():
    couplings = choices("optimizer.coupling")
    assert {"l2", "decoupled", "native"} <= set(couplings)
    assert len(set(couplings)) == len(couplings)
