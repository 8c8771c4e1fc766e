"""Passes that prepare a graph for its execution."""

import pytest
import torch

from adamcmp.training.engines.simplification import simplify
from adamcmp.training.engines.tracing import trace


def simplified(function, *arguments):
    """Return the simplified graph, after comparing its results with those of the function."""
    graph = trace(function, list(arguments), [{0: "M"} for _ in arguments])
    simplify(graph)
    expected = function(*(argument.clone() for argument in arguments))
    torch.testing.assert_close(graph(*(argument.clone() for argument in arguments)), expected)
    return graph


def calls(graph, name):
    return [node for node in graph.graph.nodes if str(node.target).startswith(f"aten.{name}.")]


def test_a_copy_keeps_the_value_from_before_a_change():
    def kept_in_the_state(a, b):
        before = a.clone()
        a.add_(1)
        b.copy_(before)
        return (b * 2,)

    def returned(a, b):
        a.add_(1)
        return (a.clone(), a.sum(1))

    for function in (kept_in_the_state, returned):
        graph = simplified(function, torch.rand(3, 5), torch.rand(3, 5))
        assert calls(graph, "clone")


def test_statistics_are_copied_before_batch_normalization_changes_them():
    """As in SAM, whose second gradient must not update them."""

    def function(mean_C, var_C, x_BC):
        batch_norm = torch.nn.functional.batch_norm
        copies = mean_C.clone(), var_C.clone()
        first = batch_norm(x_BC, mean_C, var_C, training=True)
        second = batch_norm(2 * x_BC, *(copy.clone() for copy in copies), training=True)
        return first + second, mean_C * 1, var_C * 1

    arguments = [torch.zeros(4), torch.ones(4), torch.rand(3, 4)]
    graph = trace(function, arguments, [{}] * 3)
    simplify(graph)
    expected = function(*(argument.clone() for argument in arguments))
    torch.testing.assert_close(graph(*(argument.clone() for argument in arguments)), expected)


def test_a_copy_of_a_changed_tensor_is_kept():
    def function(a):
        before = a.clone()
        a.add_(1)
        return (before - a,)

    assert len(calls(simplified(function, torch.rand(3, 5)), "clone")) == 1


def test_needless_copies_and_transposes_are_removed():
    def function(a):
        return ((a * 2).clone().transpose(1, 2).transpose(1, 2).float().mul(1) + 1,)

    graph = simplified(function, torch.rand(3, 4, 5))
    assert not calls(graph, "clone") and not calls(graph, "transpose")
    assert len(calls(graph, "mul")) == 1


@pytest.mark.parametrize(("rows", "columns"), [(33, 1), (1, 100), (1, 1)])
def test_the_bits_of_a_product_with_a_vector_do_not_depend_on_other_lanes(rows, columns):
    a, b = torch.randn(5, rows, 40), torch.randn(5, columns, 40)
    graph = simplified(lambda a, b: (torch.bmm(a, b.transpose(1, 2)),), a, b)
    (products,) = graph(a, b)
    assert all(graph(a[i : i + 1], b[i : i + 1])[0].equal(products[i : i + 1]) for i in range(5))


def test_a_moving_average_is_an_interpolation():
    def function(average, value, beta):
        complement = (1 - beta).float().view(-1, 1)
        return (beta.float().view(-1, 1) * average + complement * value,)

    beta = torch.rand(3, dtype=torch.float64)
    graph = simplified(function, torch.rand(3, 5), torch.rand(3, 5), beta)
    assert len(calls(graph, "lerp")) == 1 and not calls(graph, "mul")


def test_a_moving_average_of_another_type_is_not():
    def function(average, value, beta):
        return (beta.view(-1, 1) * average + (1 - beta).view(-1, 1) * (value > 0.5),)

    graph = simplified(function, torch.rand(3, 5), torch.rand(3, 5), torch.rand(3))
    assert not calls(graph, "lerp")


def test_other_weighted_sums_are_not():
    def function(average, value, beta):
        return (beta.view(-1, 1) * average + (2 - beta).view(-1, 1) * value,)

    graph = simplified(function, torch.rand(3, 5), torch.rand(3, 5), torch.rand(3))
    assert not calls(graph, "lerp")


@pytest.mark.parametrize("classes", [2, 10, 33])
def test_a_log_softmax_over_few_classes_is_transposed(classes):
    def function(outputs):
        outputs = outputs.detach().requires_grad_()
        log_p = outputs.log_softmax(-1)
        (grad,) = torch.autograd.grad((log_p * torch.arange(float(classes))).sum(), outputs)
        return log_p.detach(), grad

    graph = simplified(function, torch.randn(3, 7, classes))
    assert bool(calls(graph, "transpose")) == (classes <= 32)


def test_sizes_are_read_from_the_first_argument_that_has_them():
    graph = simplified(lambda a, b: (a.sum(1), b.view(b.shape[0], -1) + 1), torch.rand(3, 5), torch.rand(3, 2, 2))  # fmt: skip
    (size,) = calls(graph, "sym_size")
    assert size.args[0] is next(iter(graph.graph.nodes))
