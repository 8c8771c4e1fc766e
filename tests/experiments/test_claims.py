"""Each line of the algebra, and the chains that evaluate it against torch.optim."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcmp.experiments.claims import CLAIMS
from adamcmp.experiments.claims._base import draws, weights
from adamcmp.experiments.claims.adam import adam
from adamcmp.experiments.claims.amsgrad import directions
from adamcmp.experiments.claims.momentum import average
from adamcmp.experiments.claims.sgd import sgd
from adamcmp.workflows.equivalence import TOLERANCE


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.text)
def test_claim(claim):
    deviation = claim.deviation()
    assert (deviation <= TOLERANCE) == claim.is_true
    assert claim.is_true or deviation > 0.01  # a false statement is far from true


def test_topics_are_in_the_order_of_a_course():
    topics = list(dict.fromkeys(claim.topic for claim in CLAIMS))
    assert topics == ["SGD", "momentum", "Adam", "AdamW", "AMSGrad"]
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)


def torch_weights(numbers, optimizer):
    theta = numbers.theta.clone().requires_grad_()
    updates = optimizer([theta])
    for gradient in numbers.gradients:
        theta.grad = gradient
        updates.step()
    return theta.detach()


NUMBERS = draws(1)[0]
ORACLES = {
    "sgd": (
        sgd("l2", NUMBERS.lr, NUMBERS.wd),
        lambda p: torch.optim.SGD(p, NUMBERS.lr, weight_decay=NUMBERS.wd),
    ),
    "adam": (
        adam("l2", NUMBERS.lr, NUMBERS.wd),
        lambda p: torch.optim.Adam(p, NUMBERS.lr, eps=0, weight_decay=NUMBERS.wd),
    ),
    "adamw": (
        adam("decoupled", NUMBERS.lr, NUMBERS.wd),
        lambda p: torch.optim.AdamW(p, NUMBERS.lr, eps=0, weight_decay=NUMBERS.wd),
    ),
}


@pytest.mark.parametrize("name", ORACLES)
def test_weights_are_those_of_torch(name):
    rule, optimizer = ORACLES[name]
    expected = torch_weights(NUMBERS, optimizer)
    actual = weights(rule, NUMBERS.theta, NUMBERS.gradient)[-1]
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-13)


def test_torch_starts_its_buffer_at_the_first_gradient():
    gamma = NUMBERS.gamma
    expected = torch_weights(
        NUMBERS, lambda p: torch.optim.SGD(p, NUMBERS.lr, momentum=gamma, dampening=gamma)
    )
    actual = weights(average("none", NUMBERS, 0.0), NUMBERS.theta, NUMBERS.gradient)[-1]
    # torch's first gradient counts 1/(1 − γ) times as much; its share decays by γ in each step.
    steps = len(NUMBERS.gradients)
    excess = NUMBERS.lr * gamma * sum(gamma**k for k in range(steps)) * NUMBERS.gradients[0]
    torch.testing.assert_close(expected + excess, actual, rtol=1e-10, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3).filter(lambda g: abs(g) > 1e-3), min_size=2, max_size=12))
def test_amsgrad_takes_no_larger_step_than_adam(gradients):
    column = torch.tensor(gradients, dtype=torch.float64)[:, None]
    (larger, v_max), (step, _) = (directions(column, amsgrad=a) for a in (True, False))
    assert (larger.abs() <= step.abs() * (1 + 1e-12)).all()
    assert (v_max.diff(dim=0) >= 0).all()
