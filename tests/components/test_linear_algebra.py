"""Operations on matrices against NumPy's SVD and eigendecomposition."""

import numpy as np
import pytest
import torch

from adamcmp.components.linear_algebra import eigenvectors, orthogonalize, when

MUON = (3.4445, -4.7750, 2.0315)


def normal(*shape):
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(20, 20), (30, 10), (10, 30), (1, 7), (5, 1)])
def test_newton_schulz_keeps_singular_vectors_and_makes_singular_values_almost_1(shape):
    matrix = normal(*shape)
    u, s, vt = np.linalg.svd(matrix.numpy(), full_matrices=False)
    result = orthogonalize(matrix, MUON, 5, 1e-7).numpy()
    in_basis = u.T @ result @ vt.T
    assert np.abs(in_basis - np.diag(np.diag(in_basis))).max() < 1e-12
    large = s / np.linalg.norm(s) > 0.01
    assert large.sum() >= len(s) - 1
    assert 0.5 < np.diag(in_basis)[large].min() <= np.diag(in_basis).max() < 1.5


def test_newton_schulz_converges_to_the_orthogonal_factor():
    """With the polynomial (15·s − 10·s³ + 3·s⁵) / 8, which has the fixed point 1."""
    matrix = normal(6, 4)
    u, _, vt = np.linalg.svd(matrix.numpy(), full_matrices=False)
    result = orthogonalize(matrix, (15 / 8, -10 / 8, 3 / 8), 30, 1e-7)
    assert np.abs(result.numpy() - u @ vt).max() < 1e-12


def test_newton_schulz_of_zero_is_zero():
    assert not orthogonalize(torch.zeros(3, 2), MUON, 5, 1e-7).any()


def test_eigenvectors_diagonalize_with_descending_eigenvalues():
    matrix = normal(6, 6)
    matrix = matrix @ matrix.mT
    basis = eigenvectors(matrix)
    product = (basis.mT @ matrix @ basis).numpy()
    expected = np.linalg.eigvalsh(matrix.numpy())[::-1]
    assert np.abs(product - np.diag(expected)).max() < 1e-12 * expected[0]


def test_eigenvectors_of_a_matrix_that_is_not_finite_are_unit_vectors():
    matrix = torch.tensor([[1.0, float("nan")], [float("inf"), 1.0]])
    assert torch.equal(eigenvectors(matrix).abs().sum(0), torch.ones(2))
    both = torch.vmap(eigenvectors)(torch.stack([matrix, torch.eye(2)]))
    assert both.isfinite().all()


@pytest.mark.parametrize("conditions", [(False, False), (True, False), (True, True)])
def test_when_computes_only_the_lanes_whose_condition_holds(conditions):
    calls = []

    def function(x, y):
        calls.append(1)
        return 2 * x, y + 1

    x, y = normal(2, 3), normal(2)
    lanes = torch.vmap(lambda c, x, y: when(c, function, x, y))
    doubled, increased = lanes(torch.tensor(conditions), x, y)
    assert len(calls) == any(conditions)
    for lane, condition in enumerate(conditions):
        alone = when(torch.tensor(condition), function, x[lane], y[lane])
        expected = (2 * x[lane], y[lane] + 1) if condition else (x[lane], y[lane])
        for actual, single, value in zip((doubled, increased), alone, expected, strict=True):
            assert torch.equal(actual[lane], value) and torch.equal(single, value)
