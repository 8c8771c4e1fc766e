"""From the command's words to an optimizer."""

import pytest
import torch

from adamcmp.errors import ConfigError
from adamcmp.inspection.decay import measure_decay
from adamcmp.inspection.rule_subject import RuleSubject
from adamcmp.workflows.inspect import inspect_optimizer, parsed, subject_of

FLAWED = "tests.support.flawed_optimizers"


def test_values():
    assert parsed(["a=1e-3", "b=(0.9,0.99)", "c=False", "d=null", "e=a b"]) == {
        "a": 1e-3, "b": (0.9, 0.99), "c": False, "d": None, "e": "a b",
    }  # fmt: skip
    with pytest.raises(ConfigError, match=r"0\.1: should be NAME=VALUE"):
        parsed(["0.1"])


def test_torch_classes():
    subject = subject_of("torch.optim.AdamW", {"wd": 0.1, "lr": 0.5})
    assert (subject.settings, subject.lr) == ({"weight_decay": 0.1, "lr": 0.5}, 0.5)
    vectors = subject_of(f"{FLAWED}.VectorsOnly", {})
    assert (vectors.shape, vectors.dtype) == ((16,), torch.float64)


def test_settings_of_the_parameter_group():
    target, settings = "pytorch_optimizer.AdamC", {"lr": 0.1, "wd": 0.1}
    subject = subject_of(target, {**settings, "group.normalized": True})
    assert (subject.group, subject.settings) == (
        {"normalized": True},
        {"lr": 0.1, "weight_decay": 0.1},
    )
    assert measure_decay(subject).coupling == "corrected"
    assert measure_decay(subject_of(target, settings)).coupling == "decoupled"
    with pytest.raises(ConfigError, match="`use_muon` must be set"):
        subject_of("pytorch_optimizer.Muon", {})


def test_ours():
    subject = subject_of("adamw", {"wd": 0.1, "optimizer.betas": (0.8, 0.9)})
    assert isinstance(subject, RuleSubject)
    assert (subject.rule.weight_decay, subject.rule.betas) == (0.1, (0.8, 0.9))


@pytest.mark.slow
def test_a_class_under_another_name():
    result = inspect_optimizer(f"{FLAWED}.AdamW", ["ridge=0.1"])
    assert (result.coupling, result.argument.name) == ("l2", "ridge")


@pytest.mark.parametrize(
    ("target", "settings", "message"),
    [
        ("torch.optim.AdamV", {}, "torch.optim has no 'AdamV'. Did you mean 'Adam"),
        ("torch.nn.Linear", {}, "should be a class derived from torch.optim.Optimizer"),
        ("math.pi", {}, "should be a class derived from torch.optim.Optimizer"),
        ("optimizer=rprop", {}, "optimizer=rprop: the first argument should be the name"),
        ("adamww", {}, "Did you mean 'adamw'?"),
        ("torch", {}, "optimizer=torch is any class"),
        ("adamw", {"wd": -1.0}, "weight_decay=-1"),
        ("torch.optim.AdamW", {"betta": 1}, "takes no argument 'betta'. Did you mean 'betas'?"),
        ("torch.optim.AdamW", {"lr": -1.0}, "refuses lr=-1.0 (ValueError: Invalid learning rate"),
        (f"{FLAWED}.Broken", {}, "RuntimeError: no such kernel"),
    ],
)
def test_errors(target, settings, message):
    with pytest.raises(ConfigError) as error:
        subject_of(target, settings)
    assert message in str(error.value)
