"""The functions of two variables: their minima, curvatures and settings."""

import numpy as np
import pytest
import torch

from adamcmp.errors import ConfigError, NotFound
from adamcmp.experiments.landscapes import LANDSCAPES, parse_landscape


@pytest.mark.parametrize("name", LANDSCAPES)
def test_the_minimum_is_a_minimum(name):
    landscape = parse_landscape(name)
    minimum = tuple(torch.tensor(landscape.minimum, dtype=torch.float64))
    gradient = torch.autograd.functional.jacobian(landscape.value, minimum)
    hessian = torch.tensor(torch.autograd.functional.hessian(landscape.value, minimum))
    assert torch.tensor(gradient).abs().max() < 1e-9
    assert (torch.linalg.eigvalsh(hessian) > 0).all()
    assert landscape.value(*minimum) == pytest.approx(0, abs=1e-12)
    low_x, high_x, low_y, high_y = landscape.limits
    for x, y in (landscape.start, landscape.minimum, (0, 0)):
        assert low_x < x < high_x and low_y < y < high_y


@pytest.mark.parametrize("angle", [0, 30])
def test_curvatures_of_a_quadratic(angle):
    landscape = parse_landscape(f"quadratic:condition=50:angle={angle}")
    origin = tuple(torch.zeros(2, dtype=torch.float64))
    hessian = torch.tensor(torch.autograd.functional.hessian(landscape.value, origin))
    curvatures = torch.linalg.eigvalsh(hessian)
    assert curvatures.numpy() == pytest.approx(np.array([1, 50]))
    assert landscape.curvature == 50


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("bowl", NotFound, "There is no function 'bowl'"),
        ("quadratic:condition", ConfigError, "should be SETTING=NUMBER"),
        ("quadratic:angle=1:angle=2", ConfigError, "each setting once"),
        ("beale:noise=-1", ConfigError, "beale.noise=-1: should be at least 0"),
        ("beale:noise=much", ConfigError, "beale.noise=much: should be a number"),
    ],
)
def test_errors(text, error, message):
    with pytest.raises(error, match=message):
        parse_landscape(text)
