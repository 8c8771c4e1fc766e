"""The options of comparisons."""

import pytest

from adamcmp.analysis.question import Question
from adamcmp.errors import ConfigError


@pytest.mark.parametrize("name", ["adam_l2", "Adam+L2"])
def test_a_baseline_is_named_as_stored_or_as_displayed(name):
    assert Question(baseline=name).baseline_in(["sgd", "adam_l2"]) == "adam_l2"


def test_an_unknown_baseline_is_refused_with_the_nearest_one():
    question = Question(baseline="adamv")
    assert question.baseline_in(["adamw"]) is None
    with pytest.raises(ConfigError, match=r"'adamv' is not an optimizer.*adamw"):
        question.check(["adamw", "sgd"])


@pytest.mark.parametrize("margin", [0.0, -1.0, float("inf"), float("nan")])
def test_a_margin_is_positive(margin):
    with pytest.raises(ConfigError, match="must be a positive number"):
        Question(margin=margin).check(["adamw"])
