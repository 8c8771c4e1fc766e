"""Blocks of parameters, and the states that their tensors belong to."""

import torch

from adamcmp.components.transformations import stateless, zero_buffers
from adamcmp.training.parameter_blocks import (
    PARAM,
    PIECE,
    Block,
    Concatenated,
    Pieces,
    create_blocks,
)


def params_and_states(*shapes):
    params = [torch.nn.Parameter(torch.ones(shape)) for shape in shapes]
    states = [
        {
            "step": torch.zeros((), dtype=torch.float64),
            "transformations": zero_buffers("m")({PARAM: param.detach()}),
        }
        for param in params
    ]
    return params, states


def kinds(params, states, concatenates=True):
    return [type(block) for block in create_blocks(params, states, concatenates)]


def test_small_parameters_are_concatenated_and_large_ones_split():
    large = (PIECE + 1, 1)
    params, states = params_and_states((3, 2), (2,), large, large, ())
    assert kinds(params, states) == [Concatenated, Pieces]
    assert kinds(params, states, concatenates=False) == [Block]
    assert kinds(*params_and_states((PIECE // 2,), (PIECE // 2,), (1,))) == [Concatenated] * 2


def test_parameters_of_other_types_and_steps_are_apart():
    params, states = params_and_states((3,), (3,), (3,))
    params[1].data = params[1].data.double()
    states[2]["step"] += 1
    assert kinds(params, states) == [Concatenated] * 3


def test_the_states_are_views_of_the_blocks_tensors():
    params, states = params_and_states((3, 2), (2,))
    states[0]["transformations"]["m"][PARAM].fill_(5.0)
    list(create_blocks(params, states, True))
    first, second = (state["transformations"]["m"][PARAM] for state in states)
    assert first.shape == (3, 2) and (first == 5).all() and (second == 0).all()
    assert first.untyped_storage().data_ptr() == second.untyped_storage().data_ptr()


def test_a_chain_that_cannot_be_recorded_updates_whole_parameters():
    sgd = stateless(
        lambda grads, _, hypers: {n: -hypers["lr"].item() * g for n, g in grads.items()}
    )
    (param,), states = params_and_states((PIECE + 1,))
    states[0]["transformations"] = sgd.init({})
    param.grad = torch.arange(PIECE + 1.0)
    (block,) = create_blocks([param], states, True)
    for lr in (1.0, 2.0):
        with torch.no_grad():
            block.update(sgd, {"lr": torch.tensor(lr)})
    assert torch.equal(param, 1 - 3 * param.grad)
    assert states[0]["step"] == 2
