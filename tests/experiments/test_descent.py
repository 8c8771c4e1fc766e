"""Paths on functions, against torch.optim and closed forms."""

import numpy as np
import pytest
import torch

from adamcmp.experiments.descent import compose_descent, descend
from adamcmp.experiments.landscapes import parse_landscape
from adamcmp.experiments.optimizer_choice import OptimizerChoice


def followed(composer, function, optimizer, **overrides):
    landscape, choice = parse_landscape(function), OptimizerChoice.parse(optimizer)
    spec = compose_descent(composer, choice, landscape, overrides)
    return descend(spec, choice, landscape, landscape.start)


ORACLES = {
    "sgd:lr=0.001": lambda p: torch.optim.SGD(p, 0.001, momentum=0.9),
    "adam_l2:lr=0.1:wd=0.2": lambda p: torch.optim.Adam(p, 0.1, weight_decay=0.2),
    "adamw:lr=0.1:wd=0.2": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.2),
    "torch:target=torch.optim.Rprop:lr=0.01": lambda p: torch.optim.Rprop(p, 0.01),
}


@pytest.mark.parametrize("optimizer", ORACLES)
def test_the_path_is_that_of_torch(composer, optimizer):
    path = followed(composer, "beale", optimizer, steps="20")
    landscape = parse_landscape("beale")
    point = torch.tensor(landscape.start, dtype=torch.float64, requires_grad=True)
    updates = ORACLES[optimizer]([point])
    expected = [point.detach().clone()]
    for _ in range(20):
        updates.zero_grad()
        landscape.value(*point).backward()
        updates.step()
        expected.append(point.detach().clone())
    np.testing.assert_allclose(path.points, torch.stack(expected), rtol=1e-10)
    assert path.values[-1] == pytest.approx(landscape.value(*expected[-1]).item())


def test_sgd_on_a_quadratic_contracts_each_direction(composer):
    path = followed(composer, "quadratic:condition=20:angle=0", "sgd:momentum=0:lr=0.04", steps="7")
    minimum, start = np.array([1.0, 0.5]), np.array([-1.5, 1.5])
    factors = (1 - 0.04 * np.array([1, 20])) ** 7
    assert path.points[-1] == pytest.approx(minimum + factors * (start - minimum))


def test_learning_rates_suit_the_function(composer):
    rates = {o: followed(composer, "quadratic", o, steps="1").lr for o in ("sgd:momentum=0", "sgd")}
    assert rates == {"sgd:momentum=0": 0.5 / 20, "sgd": 0.0079}  # 0.5 / 20 / √10
    assert followed(composer, "quadratic", "lion", steps="1").lr == 0.1
    assert followed(composer, "quadratic", "lion", steps="1", **{"optimizer.lr": "0.2"}).lr == 0.2


def test_noise_depends_on_the_seed_and_is_the_same_for_every_optimizer(composer):
    paths = [
        followed(composer, "noisy_valley", optimizer, steps="3", seed=seed)
        for optimizer, seed in (("sgd:lr=0.1", "0"), ("sgd:lr=0.1", "0"), ("sgd:lr=0.1", "1"))
    ]
    assert (paths[0].points == paths[1].points).all()
    assert (paths[0].points[1:] != paths[2].points[1:]).all()
    first = followed(composer, "noisy_valley", "sgd:momentum=0:lr=0.1", steps="1")
    assert first.points[1] == pytest.approx(paths[0].points[1])


def test_schedules_and_second_gradients(composer):
    cosine = followed(composer, "rosenbrock", "lion:lr=0.01", steps="4", schedule="cosine")
    lengths = np.abs(np.diff(cosine.points, axis=0))[:, 0]
    assert lengths[0] == pytest.approx(0.01) and (np.diff(lengths) < 0).all()
    plain, sam = (
        followed(composer, "beale", f"sgd:lr=0.001:momentum=0:sam_rho={rho}", steps="1")
        for rho in (0.0, 0.1)
    )
    assert (plain.points[1] != sam.points[1]).all()


def test_clipping(composer):
    path = followed(composer, "beale", "sgd:lr=0.5:momentum=0", steps="1", grad_clip="0.1")
    assert np.linalg.norm(np.diff(path.points, axis=0)) == pytest.approx(0.5 * 0.1, rel=1e-5)


def test_a_diverged_path_is_not_finite(composer):
    path = followed(composer, "beale", "sgd:lr=10", steps="40")
    assert np.isfinite(path.points[0]).all() and not np.isfinite(path.values[-1])
