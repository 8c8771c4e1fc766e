"""Whole inspections."""

import pytest
import pytorch_optimizer
import torch

from adamcmp.config import component_defaults
from adamcmp.errors import ConfigError
from adamcmp.inspection.arguments import unused_group_settings
from adamcmp.inspection.inspecting import inspect_subject
from adamcmp.inspection.rule_subject import RuleSubject
from adamcmp.inspection.torch_subject import TorchSubject
from adamcmp.workflows.components import list_components
from tests.support import flawed_optimizers as flawed


def inspected(cls, **settings):
    return inspect_subject(TorchSubject(cls, settings), "it")


def test_adamw():
    result = inspected(torch.optim.AdamW, weight_decay=0.1)
    assert (result.coupling, result.exact, result.confidence) == ("decoupled", True, "high")
    assert result.nearest == (
        "optimizer=adamw", "optimizer.coupling=decoupled", "lr=0.001", "wd=0.1",
    )  # fmt: skip
    assert result.difference < 1e-12
    assert (result.argument.name, result.argument.factor) == ("weight_decay", 1)
    assert result.cannot_tell == result.warnings == ()


def test_a_decay_that_is_printed_and_never_applied():
    result = inspected(flawed.NeverApplied, weight_decay=0.1)
    assert result.coupling == "none"
    assert result.warnings == (
        "weight_decay=0.1 has no effect: the value is accepted and never applied.",
    )


def test_a_setting_of_the_parameter_group_without_effect():
    """AdamC uses a setting that it has no default of, where the learning rate changes."""
    for cls, group, unused in (
        (torch.optim.SGD, {"foo": 1, "momentum": 0.9}, ["group.foo"]),
        (pytorch_optimizer.AdamC, {"normalized": True}, []),
    ):
        assert (
            unused_group_settings(TorchSubject(cls, {"weight_decay": 0.1}, group=group)) == unused
        )


@pytest.mark.slow
def test_a_coefficient_that_a_step_size_of_the_optimizer_multiplies():
    """Prodigy multiplies lr, and with it the decay, by its estimate d, which begins at 1e-6."""
    result = inspected(pytorch_optimizer.Prodigy, weight_decay=0.1)
    assert (result.coupling, result.exact, result.argument.factor) == ("decoupled", True, 1)
    assert result.nearest[0] == "optimizer=prodigy"


def test_a_trust_ratio_that_multiplies_the_decay():
    subject = RuleSubject(component_defaults("optimizer", "lamb"), {"weight_decay": 0.1})
    result = inspect_subject(subject, "lamb")
    assert (result.coupling, result.coefficient, result.argument.factor) == ("decoupled", 0.1, 1)
    assert result.formula == "θ ← θ − r·s_t·lr·wd·θ with the trust ratio r of the step"
    (warning,) = result.warnings
    assert "multiplies the step and the decay: it was 1.15 in the probes" in warning


def test_an_optimizer_that_fails_later():
    with pytest.raises(
        ConfigError, match=r"it cannot be probed: it fails in a step .*out of steps"
    ):
        inspected(flawed.BreaksLater)


@pytest.mark.slow
def test_decay_by_default():
    result = inspected(torch.optim.ASGD)
    assert result.coupling == "l2" and result.coefficient == pytest.approx(1e-4)
    assert "no given setting is the coefficient" in result.warnings[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in list_components("optimizer")["optimizer"] if name != "torch"]
)
def test_each_of_ours_is_its_own_nearest(name):
    subject = RuleSubject(component_defaults("optimizer", name), {})
    decays = subject.rule.coupling != "none"
    subject = subject.with_settings(weight_decay=0.1) if decays else subject
    result = inspect_subject(subject, name)
    assert result.coupling == subject.rule.coupling
    assert result.difference < 1e-6
    assert result.nearest[0] == f"optimizer={name}"
