"""Recorded updates: the memory that they write into, beside what the update returns.

That built-in rules have the same bits in pieces is tested in test_torch_optimizer.py.
"""

import pytest
import torch

from adamcmp.training.engines.torch_internals import tree_flatten, tree_unflatten
from adamcmp.training.parameter_blocks import PARAM
from adamcmp.training.recorded_update import RecordedUpdate
from adamcmp.training.recording import NotRecordable
from adamcmp.workflows.components import list_components
from tests.support.rules import predefined

#: The rules that are updated in pieces.
OPTIMIZERS = [
    name
    for name in list_components("optimizer")["optimizer"]
    if name != "torch" and predefined(name).concatenates_at_equal_steps
]


#: The sizes of pieces of a parameter.
SIZES = (6, 6, 4)
STEPS = (1.0, 2.0)


def gradients():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(size, generator=generator) for size in SIZES]


def pieces_of(state):
    """Return the values and states of pieces, which share the numbers of the state."""
    pieces = [(torch.ones(size), state(size)) for size in SIZES]
    shared = pieces[0][1]
    return [
        (value, [t if t.ndim else shared[n] for n, t in enumerate(tensors)])
        for value, tensors in pieces
    ]


def recorded(update, state):
    """Return the values and states after recorded steps."""
    grads, pieces = gradients(), pieces_of(state)
    grad, (value, tensors), step = grads[0], pieces[0], torch.zeros((), dtype=torch.float64)
    result = RecordedUpdate(
        lambda: update(grad, value, tensors, step), grad, value, tensors, [step]
    )
    for number in STEPS:
        step.fill_(number)
        result.set_numbers(tensors, [step])
        for piece_grad, piece in zip(grads, pieces, strict=True):
            result.apply(piece_grad, *piece)
        result.update_numbers(tensors)
    return pieces


def computed(update, state):
    """Return the values and states after steps."""
    pieces = pieces_of(state)
    for number in STEPS:
        step = torch.tensor(number, dtype=torch.float64)
        results = [update(g, *piece, step) for g, piece in zip(gradients(), pieces, strict=True)]
        for (value, old), (added, new) in zip(pieces, results, strict=True):
            value += added
            for target, source in zip(old, new, strict=True):
                target.copy_(source)
    return pieces


def check_equal(update, state):
    leaves = [tree_flatten(function(update, state))[0] for function in (recorded, computed)]
    assert all(map(torch.equal, *leaves))


def momentum(grad, value, state, step):
    buffer = 0.9 * state[0] + grad
    return buffer, [buffer, state[1]]


def nesterov_that_reads_the_old_state(grad, value, state, step):
    buffer = 0.9 * state[0] + grad
    return buffer - state[0] / step, [buffer, state[1]]


def two_equal_states(grad, value, state, step):
    buffer = state[0] + state[1] * grad
    return -buffer, [buffer, buffer]


def products_over_steps(grad, value, state, step):
    product = state[1] * (1 - 0.5**step)
    average = state[0] * product + grad
    return average / (1 - product), [average, product]


def unchanged_state(grad, value, state, step):
    return grad * state[0] - value, state


@pytest.mark.parametrize(
    "update", [momentum, nesterov_that_reads_the_old_state, two_equal_states, unchanged_state]
)
def test_the_state_is_updated_in_place(update):
    check_equal(update, lambda size: [torch.full((size,), 2.0) for _ in range(2)])


def test_numbers_of_the_state_are_computed_once():
    check_equal(
        products_over_steps,
        lambda size: [torch.zeros(size), torch.tensor(0.5, dtype=torch.float64)],
    )


def test_tensors_of_the_state_may_not_be_exchanged():
    with pytest.raises(NotRecordable, match="replaces another"):
        recorded(
            lambda grad, value, state, step: (grad, state[::-1]),
            lambda size: [torch.zeros(size), torch.ones(size)],
        )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_elementwise_rule_can_be_recorded(name):
    rule = predefined(name)
    (group,) = rule.parameter_groups({PARAM: "matrices"})
    chain, (grad, value) = rule.group_chain(group), torch.ones(2, 5)
    state, structure = tree_flatten(chain.init({PARAM: value}))
    numbers = rule.group_hypers(group, {**rule.hypers(), "multiplier": 1.0, "step": 1.0})
    hypers = {n: torch.tensor(v, dtype=torch.float64) for n, v in numbers.items()}

    def update():
        tree = tree_unflatten(state, structure)
        updates, new = chain.update({PARAM: grad}, tree, {PARAM: value}, hypers, hypers["step"])
        return updates[PARAM], tree_flatten(new)[0]

    RecordedUpdate(update, grad, value, state, list(hypers.values()))
