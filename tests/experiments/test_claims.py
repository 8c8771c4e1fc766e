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
    assert claim.is_true or deviation > 0.01  # a false claim is far from true


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


@settings(max_examples=15)
@given(
    lr=st.floats(1e-3, 0.5),
    gamma=st.floats(0.1, 0.95),
    wd=st.floats(0, 0.5),
    gradients=st.lists(st.floats(-10, 10), min_size=2, max_size=4),
)
def test_the_factor_of_a_penalty_with_momentum_is_that_of_torch(lr, gamma, wd, gradients):
    """The penalty wd·Σθ² exists in the last step only. The first gradient is 0, as in the claim."""

    def last_step(penalty):
        theta = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([theta], lr, momentum=gamma, dampening=gamma)
        penalties = [*[0.0] * len(gradients), penalty]
        for gradient, coefficient in zip([0.0, *gradients], penalties, strict=True):
            before = theta.detach().clone()
            theta.grad = gradient + coefficient * 2 * before
            optimizer.step()
        return before.item(), theta.item()

    theta, without = last_step(0.0)
    _, penalized = last_step(wd)
    expected = without - lr * (1 - gamma) * 2 * wd * theta
    assert penalized == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(max_examples=20)
@given(st.lists(st.floats(-1e3, 1e3).filter(lambda g: abs(g) > 1e-3), min_size=2, max_size=12))
def test_amsgrad_takes_no_larger_step_than_adam(gradients):
    column = torch.tensor(gradients, dtype=torch.float64)[:, None]
    (larger, v_max), (step, _) = (directions(column, amsgrad=a) for a in (True, False))
    assert (larger.abs() <= step.abs() * (1 + 1e-12)).all()
    assert (v_max.diff(dim=0) >= 0).all()
