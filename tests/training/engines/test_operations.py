"""Properties of torch's operations."""

import pytest
import torch

from adamcmp.training.engines.operations import (
    elements,
    elementwise_forms,
    layout,
    python_name,
)
from adamcmp.training.engines.tracing import trace

aten = torch.ops.aten


@pytest.mark.parametrize(
    ("target", "in_place", "out", "out_name"),
    [
        (aten.add.Tensor, aten.add_.Tensor, aten.add.out, "out"),
        (aten.mul.Scalar, aten.mul_.Scalar, None, ""),  # whose form with out copies the result
        (aten.sqrt.default, aten.sqrt_.default, aten.sqrt.out, "out"),
        (aten.where.self, None, aten.where.self_out, "out"),
        (
            aten.threshold_backward.default,
            None,
            aten.threshold_backward.grad_input,
            "grad_input",
        ),
        (aten.sum.default, None, None, ""),
        (aten.bmm.default, None, None, ""),
    ],
)
def test_forms_that_write_to_existing_memory(target, in_place, out, out_name):
    forms = elementwise_forms(target)
    assert (forms.in_place, forms.out, forms.out_name) == (in_place, out, out_name)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (aten.mul.Tensor, ".mul"),
        (aten.view.default, ".view"),
        (aten.mul.out, "torch.mul"),
        (aten.where.self, "torch.where"),  # Tensor.where has another order of arguments
        (aten.cat.default, "torch.cat"),
        (aten.pow.Scalar, "torch.pow"),  # the base is a number
        (aten.norm.ScalarOpt_dim, None),  # Tensor.norm and torch.norm are written in Python
        (aten.threshold_backward.default, None),
    ],
)
def test_names_of_functions_and_methods(target, name):
    assert python_name(target) == name


def test_layouts():
    def function(a):
        return a + 1, a.transpose(1, 2) + 1, a.double(), a.split(1, 1)[0]

    graph = trace(function, [torch.zeros(3, 2, 4)], [{0: "M"}])
    argument, *calls = list(graph.graph.nodes)
    outputs = calls[-1].args[0]
    assert layout(outputs[0]) == layout(argument) == layout(argument)
    assert len({layout(node) for node in outputs}) == 4
    assert elements(outputs[1]) == elements(argument) != elements(outputs[3])
    (split,) = [node for node in calls if "split" in node.name]
    assert layout(split) not in [layout(node) for node in (*outputs, argument)]
