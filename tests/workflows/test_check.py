"""`check_component`: what a target is, and the order of the checks."""

import pytest

from adamcmp.errors import ConfigError
from adamcmp.workflows.check import check_component, component_overrides

NETS = """
import torch

class Net(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.line = torch.nn.Linear(inputs[0], outputs)

    def forward(self, x):
        print("noise")
        return self.line(x)

class OnImages(Net):
    def __init__(self, inputs, outputs):
        super().__init__(inputs[:1], outputs)

    def forward(self, x):
        return self.line(x.mean((2, 3)))

class Fails(Net):
    def forward(self, x):
        raise ValueError("no")

class Optimizer(torch.optim.SGD):
    pass

def make():
    return None

number = 3
"""


@pytest.fixture(autouse=True)
def nets(tmp_path):
    (tmp_path / "nets_to_check.py").write_text(NETS)


def statuses(*arguments):
    return {check.name: check.status for check in check_component(*arguments)}


@pytest.mark.parametrize(
    ("target", "component"),
    [
        ("nets_to_check.Net", ["model=custom", "model.target=nets_to_check.Net"]),
        ("torch.optim.SGD", ["optimizer=torch", "optimizer.target=torch.optim.SGD"]),
        ("nets_to_check.make", ["dataset=custom", "dataset.target=nets_to_check.make"]),
        ("my/data.csv", ["dataset=csv", "dataset.path=my/data.csv"]),
        ("a=b.npz", ["dataset=npz", "dataset.path=a=b.npz"]),
        (".", ["dataset=imagefolder", "dataset.path=."]),
        ("model=cnn", ["model=cnn"]),
    ],
)
def test_targets(target, component):
    assert component_overrides(target) == component


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module.Net", "cannot import 'no_such_module'"),
        ("nets_to_check.Nope", "nets_to_check has no 'Nope'"),
        ("Nope", "should be the dotted path of a model, optimizer or dataset"),
        ("nets_to_check.number", "should be the dotted path"),
    ],
)
def test_invalid_targets(target, message):
    with pytest.raises(ConfigError, match=message):
        list(check_component(target))


def test_a_model_is_tried_on_rows_and_then_on_images(capsys):
    names = ["data", "build", "training", "determinism", "state", "lanes"]
    assert statuses("nets_to_check.Net") == dict.fromkeys(names, "ok")
    data = next(check_component("nets_to_check.OnImages"))
    assert "shape (1, 8, 8)" in data.detail
    out, err = capsys.readouterr()
    assert "noise" in err and not out


def test_checks_after_a_failed_one_are_skipped():
    checks = statuses("nets_to_check.Fails", ["dataset=teacher"])
    assert checks == {
        "data": "ok", "build": "failed", "training": "skipped", "determinism": "skipped",
        "state": "skipped", "lanes": "skipped",
    }  # fmt: skip


def test_a_dataset_file(tmp_path):
    rows = "\n".join(f"{i},{i * i % 7},{'ab'[i % 2]}" for i in range(40))
    (tmp_path / "data.csv").write_text(f"x,z,label\n{rows}\n")
    assert set(statuses("data.csv", ["dataset.target=label"]).values()) == {"ok"}
    (data, *_) = check_component("data.csv", ["dataset.target=nope"])
    assert data.status == "failed" and "nope" in data.detail


def test_an_optimizer():
    assert set(statuses("nets_to_check.Optimizer", ["dataset=teacher"]).values()) == {"ok"}
