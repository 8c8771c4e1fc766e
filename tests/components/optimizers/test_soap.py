"""SOAP against its own eigendecomposition; its steps and Muon's turn with the coordinates."""

import numpy as np
import pytest
import torch

from adamcmp.config import build_component, component_defaults
from tests.support.rules import rule_steps

#: The steps are computed in float64.
TOLERANCE = 1e-9


def normal(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def rotation(size, seed):
    return torch.linalg.qr(normal(size, size, seed=seed)).Q


def trained(rule, grads, **settings):
    """Return the updates of a matrix in each step, and the last state."""
    values = {**component_defaults("optimizer", rule), "weight_decay": 0.0, **settings}
    params = {"w": torch.zeros_like(grads[0])}
    steps = list(
        rule_steps(build_component("optimizer", values), params, [{"w": g} for g in grads])
    )
    return [step.updates["w"] for step in steps], steps[-1].state


def off_diagonal(matrix):
    """Return the share of a matrix's norm that is not on its diagonal."""
    return float((matrix - matrix.diag().diag()).norm() / matrix.norm())


def test_the_first_basis_is_that_of_the_eigendecomposition():
    (_, state), g = trained("soap", [normal(4, 5)]), normal(4, 5)
    product, basis = state[0]["products"]["0"]["w"], state[0]["bases"]["0"]["w"]
    assert torch.allclose(product, 0.05 * g @ g.mT)
    _, vectors = np.linalg.eigh(product.numpy())
    alignment = np.abs(vectors[:, ::-1].T @ basis.numpy())
    assert np.abs(alignment - np.eye(4)).max() < TOLERANCE


@pytest.mark.parametrize("frequency", [1, 10])
def test_the_bases_follow_the_eigenvectors(frequency):
    """Power iteration keeps L diagonal in the basis, although L changes in each step."""
    scales = torch.tensor([10.0, 3.0, 1.0, 0.3], dtype=torch.float64)
    turn = rotation(4, 1)
    grads = [turn @ (scales[:, None] * normal(4, 6, seed=seed)) for seed in range(100)]
    _, state = trained("soap", grads, precondition_frequency=frequency)
    product, basis = state[0]["products"]["0"]["w"], state[0]["bases"]["0"]["w"]
    assert (basis.mT @ basis - torch.eye(4)).abs().max() < TOLERANCE
    assert off_diagonal(basis.mT @ product @ basis) < (0.02 if frequency == 1 else 0.1)
    assert off_diagonal(product) > 0.3
    _, vectors = np.linalg.eigh(product.numpy())
    alignment = np.abs(np.diag(vectors[:, ::-1].T @ basis.numpy()))
    assert alignment.min() > 0.97


@pytest.mark.parametrize("rule", ["soap", "muon"])
def test_steps_turn_with_the_coordinates(rule):
    """The step on U·G·Vᵀ is U·(the step on G)·Vᵀ; that of Adam is not."""
    left, right = rotation(4, 1), rotation(5, 2)
    grads = [normal(4, 5, seed=seed) for seed in range(25)]
    steps, _ = trained(rule, grads)
    turned, _ = trained(rule, [left @ g @ right.mT for g in grads])
    adam, _ = trained("adam", grads)
    turned_adam, _ = trained("adam", [left @ g @ right.mT for g in grads])
    for step, other in zip(steps, turned, strict=True):
        assert (left @ step @ right.mT - other).norm() <= TOLERANCE * other.norm()
    assert (left @ adam[-1] @ right.mT - turned_adam[-1]).norm() > 0.1 * turned_adam[-1].norm()


def test_gradients_that_are_not_finite_give_steps_that_are_not_finite():
    """So that the run is diverged; LAPACK's errors would end all lanes."""
    nan = torch.full((3, 2), float("nan"), dtype=torch.float64)
    for grads in ([nan] * 3, [normal(3, 2)] * 2 + [nan] * 2):
        steps, _ = trained("soap", grads, precondition_frequency=1)
        assert not steps[-1].isfinite().any()
