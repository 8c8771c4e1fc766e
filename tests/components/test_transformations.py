"""Gradient transformations; whole optimizers are compared with torch in test_optimizers."""

import pytest
import torch

from adamcmp.components.transformations import (
    add_decayed_weights,
    add_l2_penalty,
    chain,
    clip_by_global_norm,
    global_norm,
    scale_by_learning_rate,
    stateless,
)

STEP = torch.tensor(1.0)


def tree(seed):
    generator = torch.Generator().manual_seed(seed)
    shapes = {"w": (3, 2), "b": (3,), "scale": ()}
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def hypers(**values):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}


@pytest.mark.parametrize("limit", [0.1, 100.0])
def test_clipping_is_that_of_torch(limit):
    grads = tree(0)
    params = [torch.nn.Parameter(torch.zeros_like(grad)) for grad in grads.values()]
    for param, grad in zip(params, grads.values(), strict=True):
        param.grad = grad.clone()
    norm = torch.nn.utils.clip_grad_norm_(params, limit)
    torch.testing.assert_close(global_norm(grads), norm)
    clipped, _ = clip_by_global_norm().update(grads, {}, {}, hypers(grad_clip=limit), STEP)
    for param, update in zip(params, clipped.values(), strict=True):
        torch.testing.assert_close(update, param.grad, check_dtype=False)


def test_a_chain_applies_its_transformations_in_order():
    double = stateless(lambda updates, params, hypers: {n: 2 * u for n, u in updates.items()})
    add = stateless(lambda updates, params, hypers: {n: u + params[n] for n, u in updates.items()})
    params, grads = tree(0), tree(1)
    for transformation, expected in (
        (chain(double, add), lambda name: 2 * grads[name] + params[name]),
        (chain(add, double), lambda name: 2 * (grads[name] + params[name])),
    ):
        state = transformation.init(params)
        updates, state = transformation.update(grads, state, params, {}, STEP)
        assert all(torch.equal(updates[name], expected(name)) for name in params)
        assert state == ({}, {})


def test_arguments_are_not_modified():
    params, grads = tree(0), tree(1)
    every = chain(
        clip_by_global_norm(),
        add_l2_penalty(cautious=True),
        scale_by_learning_rate(),
        add_decayed_weights(lambda hypers: hypers["weight_decay"], cautious=True),
    )
    values = hypers(lr=0.1, multiplier=1.0, weight_decay=0.1, grad_clip=0.1)
    every.update(grads, every.init(params), params, values, STEP)
    assert all(torch.equal(params[name], tensor) for name, tensor in tree(0).items())
    assert all(torch.equal(grads[name], tensor) for name, tensor in tree(1).items())


def test_cautious_decay_never_opposes_the_step():
    params, updates = tree(0), tree(1)
    decay = add_decayed_weights(lambda hypers: hypers["weight_decay"], cautious=True)
    decayed, _ = decay.update(updates, {}, params, hypers(weight_decay=0.1), STEP)
    for name, param in params.items():
        shrinks = (decayed[name] - updates[name]) * updates[name] >= 0
        agrees = -updates[name] * param >= 0
        assert torch.equal(decayed[name] != updates[name], agrees) and shrinks.all()
