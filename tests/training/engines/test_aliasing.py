"""Which tensors of a graph share memory."""

import math

import torch

from adamcmp.training.engines.aliasing import Memory, changed_arguments, constants
from adamcmp.training.engines.tracing import trace


def graph_of(function, *arguments):
    return trace(function, list(arguments), [{0: "M"} for _ in arguments]).graph


def test_views_have_the_owner_of_their_source_and_its_last_use():
    def function(a_M5):
        doubled = a_M5 * 2
        first, second = doubled.split([2, 3], 1)
        return (first.sum(1) + second.sum(1) + doubled.sum(1),)

    graph = graph_of(function, torch.ones(3, 5))
    memory = Memory(graph)
    (doubled,) = [node for node in graph.nodes if node.name == "mul"]
    views = [node for node in graph.nodes if memory.owner(node) is doubled]
    assert len(views) == 4 and all(memory.is_view(node) for node in views[1:])
    last = max(memory.position[user] for node in views for user in node.users)
    assert memory.last_use(doubled) == last < math.inf
    assert not memory.is_changed(doubled)


def test_a_call_in_place_changes_the_memory_of_its_argument():
    def function(a_M5):
        a_M5.view(-1).add_(1)
        return (a_M5.sum(1),)

    graph = graph_of(function, torch.ones(3, 5))
    memory = Memory(graph)
    argument = next(iter(graph.nodes))
    (call,) = [node for node in graph.nodes if changed_arguments(node)]
    assert memory.owner(call) is argument and memory.is_changed(argument)


def test_random_numbers_and_changed_tensors_are_not_constant():
    def function(a_M5):
        fixed = torch.arange(5.0).square()
        changed = torch.zeros(5)
        changed.add_(1)
        return (a_M5 + fixed + changed + torch.rand(5),)

    graph = graph_of(function, torch.ones(3, 5))
    names = {node.name for node in constants(graph)}
    assert {"arange", "pow_1"} <= names
    assert not names & {"zeros", "add_", "rand"}


def test_batch_normalization_changes_running_statistics():
    def function(mean_C, var_C, x_BC):
        return (torch.nn.functional.batch_norm(x_BC, mean_C, var_C, training=True),)

    arguments = [torch.zeros(4), torch.ones(4), torch.rand(3, 4)]
    graph = trace(function, arguments, [{}] * 3).graph
    memory = Memory(graph)
    changed = [memory.is_changed(node) for node in graph.nodes if node.op == "placeholder"]
    assert changed == [True, True, False]


def test_parts_of_an_unsafe_split_are_views():
    graph = graph_of(lambda a: tuple(torch.unsafe_split(a * 2, 2, 1)), torch.ones(3, 4))
    memory = Memory(graph)
    (doubled,) = [node for node in graph.nodes if node.name == "mul"]
    assert memory.last_use(doubled) == math.inf
