"""Results that are written to existing memory."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcmp.training.engines.aliasing import changed_arguments
from adamcmp.training.engines.memory_reuse import reuse_memory
from adamcmp.training.engines.tracing import trace


def reused(function, *arguments):
    """Return the graph after the pass, and compare its bits with those of the graph before."""
    graphs = [trace(function, list(arguments), [{0: "M"} for _ in arguments]) for _ in range(2)]
    reuse_memory(graphs[1])
    copies = [[argument.clone() for argument in arguments] for _ in graphs]
    results = [graph(*tensors) for graph, tensors in zip(graphs, copies, strict=True)]
    for expected, actual in zip((*results[0], *copies[0]), (*results[1], *copies[1]), strict=True):
        assert expected.equal(actual)
    return graphs[1]


def overwriting(graph):
    return [node for node in graph.graph.nodes if changed_arguments(node)]


def test_the_state_is_updated_without_a_copy():
    def function(state, grad):
        new = 0.9 * state + grad
        state.copy_(new)
        return (new.sum(1),)

    graph = reused(function, torch.rand(3, 5), torch.rand(3, 5))
    assert not any("copy_" in str(node.target) for node in graph.graph.nodes)


def test_a_state_that_is_read_later_is_copied_at_the_end():
    def function(state, grad):
        new = state + grad
        difference = new - state.exp()
        state.copy_(new)
        return (difference,)

    graph = reused(function, torch.rand(3, 5), torch.rand(3, 5))
    assert any("copy_" in str(node.target) for node in graph.graph.nodes)


def test_temporary_results_are_overwritten():
    graph = reused(lambda a: (((a + 1) * 2).exp().sqrt().sum(1),), torch.rand(3, 5))
    assert len(overwriting(graph)) == 3


def test_arguments_returned_values_and_views_are_kept():
    def function(a):
        kept = a + 1
        row = (a * 3)[:, :1]
        return kept, kept.exp() + row, (a * 3).view(-1).sum().expand(5) * 2

    reused(function, torch.rand(3, 5))


OPERATIONS = {
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "sine": lambda a, b: a.sin(),
    "root": lambda a, b: a.abs().sqrt(),
    "transposed": lambda a, b: a.transpose(1, 2) + b,
    "row": lambda a, b: a[:, :1] + b,
    "sum": lambda a, b: a.sum(2, keepdim=True) + b,
    "choice": lambda a, b: torch.where(a > b, a, b),
    "assign": lambda a, b: a.copy_(b * 2),
}


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(0, 20), st.integers(0, 20)),
        min_size=1,
        max_size=8,
    )
)
def test_any_sequence_of_operations_keeps_its_bits(sequence):
    def function(first, second):
        values = [first, second]
        for name, a, b in sequence:
            values.append(OPERATIONS[name](values[a % len(values)], values[b % len(values)]))
        return values[-1].clone(), values[len(values) // 2] + 1

    generator = torch.Generator().manual_seed(len(sequence))
    reused(function, *torch.randn(2, 3, 4, 4, generator=generator))
