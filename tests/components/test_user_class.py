"""Classes of the user's code: models and optimizers by dotted path."""

import pytest
import torch

from adamcmp.components.data import Shape
from adamcmp.components.user_class import construct, source_digest
from adamcmp.config import build_component
from adamcmp.errors import ConfigError

pytestmark = pytest.mark.usefixtures("any_code")


def network(**values):
    shape = Shape((40,), 10, "classification")
    return build_component("model", {"name": "custom", **values}).build(shape)


def test_a_model_by_dotted_path(tmp_path):
    (tmp_path / "ownnets.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, inputs, outputs, scale=1.0):\n"
        "        super().__init__(inputs[0], outputs)\n"
        "        self.scale = scale\n"
        "class NotANet: pass\n"
    )
    net = network(target="ownnets.Net", scale=2.5)
    assert net.scale == 2.5 and net(torch.zeros(1, 40)).shape == (1, 10)


def test_only_suitable_classes_are_suggested(tmp_path):
    (tmp_path / "plain.py").write_text("class Net: pass\n")
    with pytest.raises(ConfigError, match=r"derived from torch.nn.Module\.$"):
        network(target="plain.Net")


def test_other_code_is_another_model(tmp_path):
    """A run's id contains the code of the user's class; comments and layout do not count."""

    def identity(text):
        (tmp_path / "ownmodel.py").write_text(text)
        return build_component("model", {"name": "custom", "target": "ownmodel.Net"}).identity()

    first = identity("import torch\nNet = torch.nn.Linear\n")
    assert len(first["sha256"]) == 64
    assert identity("import torch  # the same\n\n\nNet = torch.nn.Linear\n") == first
    assert identity("import torch\nNet = torch.nn.Bilinear\n") != first
    torch_values = {"name": "a", "rule": "torch", "coupling": "native", "lr": 0.1}
    for target, by_user in (("torch.optim.RAdam", False), ("ownmodel.Net", True)):
        optimizer = build_component("optimizer", {**torch_values, "target": target})
        assert ("sha256" in optimizer.identity()) == by_user


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"target": "nosuchmodule.Net"}, "cannot import 'nosuchmodule'"),
        ({"target": "./mynets.py"}, "should be a dotted path, such as mymodule.Net"),
        ({"target": "torch.nn.Liner"}, "Did you mean 'Linear'"),
        ({"target": "os.system"}, "derived from torch.nn.Module"),
        ({"target": "Net"}, "should be a dotted path, such as mymodule.Net"),
        ({"target": "torch.nn.Identity2"}, "torch.nn has no 'Identity2'. Did you mean 'Identity'"),
        ({}, "model.target is needed: the dotted path of your class"),
        ({"target": "torch.nn.Softmax", "din": 1}, "no argument 'din'. Did you mean 'dim'"),
        (
            {"target": "torch.nn.Linear"},
            r"missing a required argument: 'in_features'\). \+model.NAME=VALUE sets an argument.$",
        ),
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
def test_invalid_classes_and_arguments(values, message):
    with pytest.raises(ConfigError, match=message):
        network(**values)


@pytest.mark.parametrize(
    "path",
    ["pathlib.Path", "no_such_module.Net", "Net", "parent_only.missing.Net", "broken_code.Net"],
)
def test_no_digest(path, tmp_path):
    """Of what has a version, or cannot be read, which the import reports."""
    (tmp_path / "parent_only.py").write_text("class Net: pass")
    (tmp_path / "broken_code.py").write_text("class Net(:")
    assert source_digest(path) == {}


def test_arguments_of_any_name():
    """A class that takes ``**kwargs`` checks them by itself."""

    def make(first, **rest):
        return first, rest

    assert construct(make, {"a": 1}, "model", "x") == ("x", {"a": 1})
    with pytest.raises(ConfigError, match=r"^model: make fails \(TypeError: .*'first'"):
        construct(make, {"a": 1}, "model")
