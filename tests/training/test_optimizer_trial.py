"""Steps of an optimizer with copies of parameters."""

import torch

from adamcmp.components.optimizers import ParameterGroup
from adamcmp.config import build_component, component_defaults
from adamcmp.training.optimizer_trial import Trial


def test_steps_descend_on_a_quadratic_function():
    """Its gradients at the parameters are those given, and its curvature is 1."""
    values = {**component_defaults("optimizer", "sgd"), "lr": 0.5, "momentum": 0.0}
    params, grads = {"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([0.5, -0.5])}
    for concatenate in (False, True):
        trial = Trial(
            build_component("optimizer", values),
            [ParameterGroup("", ("w",))],
            params,
            grads,
            concatenate=concatenate,
        )
        trial.step()
        torch.testing.assert_close(trial.parameters()["w"], torch.tensor([[0.75, 2.25]]))
        trial.step()
        torch.testing.assert_close(trial.parameters()["w"], torch.tensor([[0.625, 2.375]]))
    assert params["w"].tolist() == [1.0, 2.0]
