"""Layers against those of torch; the shapes that models accept and reject."""

import pytest
import torch
from torch import nn

from adamcmp.components.data import Shape
from adamcmp.components.layers import Attention, BatchNorm, Patches
from adamcmp.config import build_component
from adamcmp.errors import AdamcmpError, ConfigError

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
        # MNIST-1D's authors' four models
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


def test_resnet20_is_as_large_as_the_papers():
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
        ({"name": "torchvision"}, ROW, "needs grey or colour"),
        ({"name": "vit", "heads": 5}, GREY, "heads=5 should divide width=64"),
        ({"name": "resnet", "depth": 21}, COLOUR, "6n \\+ 2"),
        ({"name": "cnn1d", "kernels": [3]}, ROW, "one value for each"),
        ({"name": "mlp", "norm": "lair"}, ROW, "Did you mean 'layer'"),
    ],
)
def test_what_does_not_fit(values, shape, message):
    with pytest.raises(AdamcmpError, match=message):
        network(shape, **values)


def test_batchnorm_is_torchs():
    torch.manual_seed(0)
    ours, torchs = BatchNorm(5).double(), nn.BatchNorm1d(5).double()
    for _ in range(3):
        x = torch.randn(9, 5).double() * 3 + 1
        torch.testing.assert_close(ours(x), torchs(x))
    ours.eval(), torchs.eval()
    torch.testing.assert_close(ours(x), torchs(x))
    torch.testing.assert_close(ours.running_var, torchs.running_var)


def test_attention_is_torchs():
    torch.manual_seed(0)
    ours = Attention(12, 3).double()
    torchs = nn.MultiheadAttention(12, 3, batch_first=True).double()
    with torch.no_grad():
        torchs.in_proj_weight.copy_(ours.qkv.weight)
        torchs.in_proj_bias.copy_(ours.qkv.bias)
        torchs.out_proj.weight.copy_(ours.out.weight)
        torchs.out_proj.bias.copy_(ours.out.bias)
    x = torch.randn(4, 7, 12).double()
    torch.testing.assert_close(ours(x), torchs(x, x, x)[0])


def test_patches_are_torchs_unfold():
    x = torch.randn(2, 3, 8, 12)
    expected = nn.functional.unfold(x, 4, stride=4).transpose(1, 2)
    torch.testing.assert_close(Patches(4)(x), expected)


class TestUserClass:
    def test_by_dotted_path(self, tmp_path):
        (tmp_path / "ownnets.py").write_text(
            "import torch\n"
            "class Net(torch.nn.Linear):\n"
            "    def __init__(self, inputs, outputs, scale=1.0):\n"
            "        super().__init__(inputs[0], outputs)\n"
            "        self.scale = scale\n"
            "class NotANet: pass\n"
        )
        net = network(ROW, name="custom", target="ownnets.Net", scale=2.5)
        assert net.scale == 2.5 and net(torch.zeros(1, 40)).shape == (1, 10)

    def test_other_code_is_another_model(self, tmp_path):
        """A run's id contains the code of the user's class; comments and layout do not count."""

        def identity(text):
            (tmp_path / "ownmodel.py").write_text(text)
            return build_component("model", {"name": "custom", "target": "ownmodel.Net"}).identity()

        first = identity("import torch\nNet = torch.nn.Linear\n")
        assert len(first["sha256"]) == 64
        assert identity("import torch  # the same\n\n\nNet = torch.nn.Linear\n") == first
        assert identity("import torch\nNet = torch.nn.Bilinear\n") != first
        torchs = {"name": "a", "rule": "torch", "coupling": "native", "lr": 0.1}
        for target, by_user in (("torch.optim.RAdam", False), ("ownmodel.Net", True)):
            optimizer = build_component("optimizer", {**torchs, "target": target})
            assert ("sha256" in optimizer.identity()) == by_user

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"target": "nosuchmodule.Net"}, "cannot import 'nosuchmodule'"),
            ({"target": "torch.nn.Liner"}, "Did you mean 'Linear'"),
            ({"target": "os.system"}, "derived from torch.nn.Module"),
            ({"target": "Net"}, "derived from torch.nn.Module"),
            ({"target": "torch.nn.Identity2"}, "derived from torch.nn.Module"),
            ({}, "model.target is needed: the dotted path of your class"),
            ({"target": "torch.nn.Softmax", "din": 1}, "no argument 'din'. Did you mean 'dim'"),
            ({"target": "torch.nn.Linear"}, "missing a required argument: 'in_features'"),
            (
                {
                    "target": "torch.nn.Conv1d",
                    "in_channels": 0,
                    "out_channels": -1,
                    "kernel_size": 3,
                },
                "cannot be created",
            ),
        ],
    )
    def test_bad(self, values, message):
        with pytest.raises(ConfigError, match=message):
            network(ROW, name="custom", **values)
