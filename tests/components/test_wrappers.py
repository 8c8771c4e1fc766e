"""SAM, Lookahead, cautious updates and constrained norms, against closed forms and packages."""

import math

import pytest
import pytorch_optimizer
import torch

from adamcmp.components.transformations import chain, scale_by_learning_rate, stateless
from adamcmp.components.wrappers import cautious_updates, constrain_norms, lookahead, sam_ascent
from tests.support.tensors import assert_close

HYPERS = {
    name: torch.tensor(value, dtype=torch.float64)
    for name, value in {"lr": 0.1, "multiplier": 1.0, "sam_rho": 0.05, "lookahead_alpha": 0.3}.items()
}  # fmt: skip


def tree(seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"w": (4, 3), "b": (4,), "s": ()}
    return {n: torch.randn(s, generator=generator, dtype=torch.float64) for n, s in shapes.items()}


def steps(optimizer, params, count):
    """Return the parameters after each step on gradients of several scales, and the last state."""
    state, visited = optimizer.init(params), []
    for step in range(1, count + 1):
        grads = {n: 10.0 ** (step % 3) * g for n, g in tree(step).items()}
        number = torch.tensor(float(step), dtype=torch.float64)
        updates, state = optimizer.update(grads, state, params, HYPERS, number)
        params = {n: p + updates[n] for n, p in params.items()}
        visited.append(params)
    return visited, state


@pytest.mark.parametrize("adaptive", [False, True])
def test_sam_ascends_as_the_package(adaptive):
    """The parameters after the first half of a step of pytorch_optimizer's SAM."""
    params, grads = tree(0), tree(1)
    theirs = {n: torch.nn.Parameter(p.clone()) for n, p in params.items()}
    sam = pytorch_optimizer.SAM(
        theirs.values(), base_optimizer=torch.optim.SGD, rho=0.05, adaptive=adaptive, lr=0.1
    )
    for n, p in theirs.items():
        p.grad = grads[n].clone()
    sam.first_step()
    ascent = sam_ascent(grads, params, HYPERS, adaptive=adaptive)
    ours = {n: p + ascent[n] for n, p in params.items()}
    # The package computes the norm in float32.
    assert_close(ours, {n: p.detach() for n, p in theirs.items()}, 1e-7)


def test_the_ascent_has_length_rho():
    ascent = sam_ascent(tree(1), tree(0), HYPERS, adaptive=False)
    assert math.isclose(sum(float(e.square().sum()) for e in ascent.values()) ** 0.5, 0.05)


def test_sam_without_a_gradient_stays():
    zeros = {n: torch.zeros_like(p) for n, p in tree(0).items()}
    assert all(not e.any() for e in sam_ascent(zeros, tree(0), HYPERS, adaptive=True).values())


@pytest.mark.parametrize("k", [1, 5])
def test_lookahead_moves_slow_weights(k):
    """The fast weights by hand, from the definition of the paper's Algorithm 1."""
    params = tree(0)
    visited, state = steps(lookahead(scale_by_learning_rate(), k), params, 2 * k + 1)
    slow, fast = dict(params), dict(params)
    for step in range(1, 2 * k + 2):
        grads = {n: 10.0 ** (step % 3) * g for n, g in tree(step).items()}
        fast = {n: p - 0.1 * grads[n] for n, p in fast.items()}
        if step % k == 0:
            slow = {n: s + 0.3 * (fast[n] - s) for n, s in slow.items()}
            fast = dict(slow)
        assert_close(visited[step - 1], fast)
    evaluated = lookahead(scale_by_learning_rate(), k).evaluation_params(visited[-1], state)
    assert_close(evaluated, slow)


def test_cautious_updates_descend_and_keep_the_mean_size():
    """Kept components have the gradient's sign; the sum is scaled by components / kept."""
    grads = {"w": torch.tensor([1.0, -2.0, 3.0, 4.0])}
    fixed = stateless(lambda grads, params, hypers: {"w": torch.tensor([-1.0, -1.0, -1.0, 1.0])})
    updates, _ = cautious_updates(fixed).update(grads, {}, {}, {}, torch.tensor(1.0))
    assert updates["w"].tolist() == [-2.0, 0.0, -2.0, 0.0]


def test_cautious_updates_that_all_oppose_the_gradient_are_zero():
    fixed = stateless(lambda grads, params, hypers: {"w": torch.tensor([1.0, 1.0])})
    updates, _ = cautious_updates(fixed).update({"w": torch.ones(2)}, {}, {}, {}, torch.tensor(1.0))
    assert updates["w"].tolist() == [0.0, 0.0]


def test_cautious_updates_of_tiny_gradients():
    fixed = stateless(lambda grads, params, hypers: {"w": torch.tensor([-1e-30, 1e-30])})
    grads = {"w": torch.tensor([1e-30, 1e-30])}  # the products underflow
    updates, _ = cautious_updates(fixed).update(grads, {}, {}, {}, torch.tensor(1.0))
    assert updates["w"].tolist() == pytest.approx([-2e-30, 0.0])


def test_cautious_updates_are_scaled_by_at_most_1000():
    """The fraction of kept components is 1/5000, below the lower limit of 0.001."""
    grads = {"w": torch.ones(5000)}
    grads["w"][1:] = -1.0
    fixed = stateless(lambda grads, params, hypers: {"w": torch.full((5000,), -1.0)})
    updates, _ = cautious_updates(fixed).update(grads, {}, {}, {}, torch.tensor(1.0))
    assert updates["w"][0].item() == pytest.approx(-1000.0)
    assert not updates["w"][1:].any()


def test_norms_stay_and_updates_have_the_length_lr():
    """Hyperball: every step is a rotation by an angle near lr, whatever the gradients' scale."""
    params = tree(0)
    visited, _ = steps(constrain_norms(chain(scale_by_learning_rate())), params, 6)
    before = params
    for after in visited:
        for name in ("w", "b"):
            torch.testing.assert_close(after[name].norm(), params[name].norm())
            cosine = (before[name] * after[name]).sum() / params[name].norm() ** 2
            assert torch.arccos(cosine) <= math.asin(0.1) + 1e-12
        before = after


def test_zero_weights_and_zero_updates_are_not_nan():
    zeros = {"w": torch.zeros(2, 2)}
    constrained = constrain_norms(scale_by_learning_rate())
    for params, grads in ((zeros, {"w": torch.ones(2, 2)}), ({"w": torch.ones(2, 2)}, zeros)):
        updates, _ = constrained.update(
            grads, constrained.init(params), params, HYPERS, torch.tensor(1.0)
        )
        assert torch.equal(updates["w"], torch.zeros(2, 2))
