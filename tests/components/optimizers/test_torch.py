"""torch.optim classes: their weight decay is the recorded one."""

import inspect

import pytest
import torch

from adamcmp.components.optimizers.torch import DECAYING_BY_DEFAULT, Torch
from adamcmp.config import build_component
from adamcmp.errors import ConfigError

pytestmark = pytest.mark.usefixtures("any_code")


class Subclass(torch.optim.AdamW):
    """Passes all arguments to torch's class, whose default weight decay is 0.01."""

    def __init__(self, params, **arguments):
        super().__init__(params, **arguments)


class RenamedDecay(torch.optim.SGD):
    """Decays weights by default, and calls the argument wd."""

    def __init__(self, params, lr=0.1, wd=0.3):
        super().__init__(params, lr=lr, weight_decay=wd)


class Undecayed(torch.optim.Rprop):
    """Neither its constructor nor that of torch's class takes a weight decay."""

    def __init__(self, params, **arguments):
        super().__init__(params, **arguments)


def torch_class(target, **values):
    values = {"name": "torch", "rule": "torch", "coupling": "native", "lr": 0.1, **values}
    return build_component("optimizer", {**values, "target": target})


def made(component):
    """Return the torch optimizer of a network of one parameter."""
    (optimizer,) = component.make({"": [torch.nn.Parameter(torch.ones(1))]})
    return optimizer


@pytest.mark.parametrize("target", ["torch.optim.AdamW", f"{__name__}.Subclass"])
def test_a_torch_class_has_the_recorded_weight_decay(target):
    """Also if it is 0 and the default of the class is not."""
    for wd in (0.0, 0.3):
        optimizer = made(torch_class(target, weight_decay=wd))
        assert optimizer.param_groups[0]["weight_decay"] == wd


@pytest.mark.parametrize("target", ["torch.optim.Rprop", f"{__name__}.Undecayed"])
def test_a_torch_class_without_weight_decay(target):
    optimizer = made(torch_class(target))
    assert "weight_decay" not in optimizer.param_groups[0]


def test_a_class_that_decays_by_another_argument_is_refused():
    optimizer = torch_class(f"{__name__}.RenamedDecay")
    with pytest.raises(ConfigError, match=r"decays weights with weight_decay=0.3, but .* record 0"):
        made(optimizer)


def test_classes_of_torch_that_decay_by_default():
    classes = {n: c for n, c in vars(torch.optim).items() if inspect.isclass(c)}
    signatures = {name: inspect.signature(c).parameters for name, c in classes.items()}
    defaults = {n: p["weight_decay"].default for n, p in signatures.items() if "weight_decay" in p}
    assert {name for name, default in defaults.items() if default} == DECAYING_BY_DEFAULT


def test_a_class_that_decays_by_default_has_another_identity_without_decay():
    def revision(target, wd):
        return torch_class(target, weight_decay=wd).identity().get("revision", 0)

    assert revision("torch.optim.AdamW", 0.0) == Torch.revision == 1
    assert revision("torch.optim.adamw.AdamW", 0.0) == 1
    assert revision("torch.optim.AdamW", 0.1) == revision("torch.optim.RAdam", 0.0) == 0
    assert revision(f"{__name__}.Subclass", 0.0) == 0
