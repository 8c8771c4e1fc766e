"""Layers against those of torch; the shapes that models accept and reject."""

import pytest
import torch

from adamcmp.components.data import Shape
from adamcmp.config import build_component
from adamcmp.errors import AdamcmpError

ROW = Shape((40,), 10, "classification")
GREY = Shape((1, 28, 28), 10, "classification")
COLOUR = Shape((3, 32, 32), 7, "classification")


def network(shape, **values):
    torch.manual_seed(0)
    return build_component("model", values).build(shape)


def size(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("values", "shape", "parameters"),
    [
        # the four models of the authors of MNIST-1D
        ({"name": "logistic"}, ROW, 410),
        (
            {"name": "mlp", "width": 256, "residual": True},
            ROW,
            40 * 256 + 256 + 256 * 257 + 257 * 10,
        ),
        ({"name": "cnn1d"}, ROW, 25 * 6 + 2 * (25 * 25 * 3 + 25) + 126 * 10 - 0),
        ({"name": "gru"}, ROW, 2 * (18 * 1 + 18 * 6 + 36) + 481 * 10),
        ({"name": "resnet"}, COLOUR, None),
        ({"name": "vit"}, GREY, None),
        ({"name": "vit", "patch": 5}, ROW, None),
        ({"name": "gru", "hidden": 3, "layers": 2, "bidirectional": False}, GREY, None),
        ({"name": "cnn"}, GREY, None),
        ({"name": "mlp", "norm": "batch", "dropout": 0.5}, COLOUR, None),
        ({"name": "torchvision", "arch": "resnet18"}, COLOUR, None),
        ({"name": "torchvision", "arch": "squeezenet1_1"}, GREY, None),
        ({"name": "torchvision", "arch": "googlenet", "init_weights": False}, COLOUR, None),
    ],
)
def test_shapes_and_sizes(values, shape, parameters):
    net = network(shape, **values)
    assert net(torch.randn(2, *shape.inputs)).shape == (2, shape.outputs)
    if parameters:
        assert size(net) == parameters


def test_resnet20_has_as_many_parameters_as_in_the_paper():
    """He et al. 2016, table 6: 0.27 M parameters for ResNet-20 on CIFAR-10."""
    assert (
        0.265e6 < size(network(Shape((3, 32, 32), 10, "classification"), name="resnet")) < 0.275e6
    )


@pytest.mark.parametrize(
    ("values", "shape", "message"),
    [
        ({"name": "cnn1d"}, GREY, "needs rows"),
        ({"name": "cnn"}, ROW, "needs images"),
        ({"name": "resnet"}, ROW, "needs images"),
        ({"name": "cnn", "channels": [2] * 6}, GREY, "at least 64×64"),
        ({"name": "vit", "patch": 7}, ROW, "sides that patch=7 divides"),
        ({"name": "torchvision", "arch": "resnet81"}, COLOUR, "Did you mean 'resnet18'"),
        ({"name": "torchvision"}, ROW, "needs gray or color"),
        ({"name": "vit", "heads": 5}, GREY, "heads=5 should divide width=64"),
        ({"name": "resnet", "depth": 21}, COLOUR, "6n \\+ 2"),
        ({"name": "cnn1d", "kernels": [3]}, ROW, "one value for each"),
        ({"name": "mlp", "norm": "lair"}, ROW, "Did you mean 'layer'"),
    ],
)
def test_shapes_that_a_model_rejects(values, shape, message):
    with pytest.raises(AdamcmpError, match=message):
        network(shape, **values)
