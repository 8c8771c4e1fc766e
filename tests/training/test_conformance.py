"""Each check finds the component that breaks its promise."""

import textwrap

import numpy as np
import pytest

from adamcmp.components.data import Split
from adamcmp.config import build_component
from adamcmp.errors import ConfigError
from adamcmp.training import conformance
from adamcmp.training.conformance import BrokenPromise, small_runs
from tests.conftest import CPU
from tests.support.training import FusedGroup

NETS = """
    import itertools, random
    import torch

    class Good(torch.nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.line = torch.nn.Linear(inputs[0], outputs)
        def forward(self, x):
            return self.line(x)

    class Fails(Good):
        def forward(self, x):
            return x.sum(dim=7)

    class Explodes(Good):
        def forward(self, x):
            return super().forward(x) / 0.0

    class Detached(Good):
        def forward(self, x):
            return super().forward(x).detach() + 0 * self.line.bias  # a gradient of zeros

    class Draws(Good):
        def forward(self, x):
            return super().forward(x) * (1 + random.SystemRandom().random())

    class CountsCalls(Good):
        def __init__(self, inputs, outputs):
            super().__init__(inputs, outputs)
            self.calls = 0
        def forward(self, x):
            self.calls += self.training
            return super().forward(x) * (1 + self.calls)

    class CountsInstances(Good):
        instances = itertools.count()
        def __init__(self, inputs, outputs):
            super().__init__(inputs, outputs)
            self.number = next(self.instances)
        def forward(self, x):
            return super().forward(x) * (1 + self.number)
"""


@pytest.fixture
def runs_of(specs, tmp_path, monkeypatch):
    """Return the runs of a model, each test with its own module."""
    module = f"nets_{tmp_path.name}"
    (tmp_path / f"{module}.py").write_text(textwrap.dedent(NETS))

    def runs(name):
        overrides = ["dataset=teacher", "model=custom", f"model.target={module}.{name}", "lr=0.1"]
        return small_runs(specs(overrides)[0].config, CPU)

    return runs


def test_a_good_model_keeps_every_promise(runs_of):
    runs = runs_of("Good")
    assert [run.config.protocol.seed for run in runs] == [0, 1, 2]
    assert conformance.check_build(runs) == "model=custom with optimizer=adamw"
    assert conformance.check_training(runs).endswith("after 0, 1 and 2 steps")
    assert "one at a time" in conformance.check_lanes(runs)
    for check in (conformance.check_determinism, conformance.check_state):
        assert check(runs).endswith("the same bits")


@pytest.mark.parametrize(
    ("name", "check", "message"),
    [
        ("Explodes", conformance.check_training, "not finite"),
        ("Detached", conformance.check_training, "has no gradient"),
        ("Draws", conformance.check_determinism, "when it is trained again"),
        ("CountsCalls", conformance.check_state, "after an interruption"),
        ("CountsInstances", conformance.check_lanes, "with other runs than alone"),
    ],
)
def test_broken_promises(name, check, message, runs_of):
    with pytest.raises(BrokenPromise, match=message):
        check(runs_of(name))


def test_a_model_that_cannot_be_built(runs_of):
    with pytest.raises(ConfigError, match="fails on examples of shape"):
        conformance.check_build(runs_of("Fails"))


def test_lanes_of_a_fused_model(specs, monkeypatch):
    """On a CPU eager runs are not fused; fused ones agree to rounding, which the check finds."""
    runs = small_runs(specs(["dataset=teacher", "model=logistic"])[0].config, CPU)
    assert "one at a time (engine=eager fuses" in conformance.check_lanes(runs)
    monkeypatch.setattr(conformance, "group_runs", lambda specs, width: [FusedGroup(tuple(specs))])
    with pytest.raises(BrokenPromise, match="with other runs than alone"):
        conformance.check_lanes(runs)


def test_small_runs_fit_a_small_dataset(specs):
    overrides = ["dataset=teacher", "dataset.task=regression", "loss=mse"]
    config = specs([*overrides, "dataset.train_examples=10"])[0].config
    protocol = small_runs(config, CPU)[0].config.protocol
    assert (protocol.batch_size, protocol.eval.train_examples, protocol.steps) == (9, 9, 2)


def test_datasets(monkeypatch):
    dataset = build_component("dataset", {"name": "digits"})
    assert conformance.check_dataset(dataset).startswith("1294 training, 144 validation and 359")
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2

    def overlapping(_):
        return Split(x, y), Split(x[:5], y[:5])

    monkeypatch.setattr(type(dataset), "read", overlapping)
    plain = build_component("dataset", {"name": "digits", "standardize": False, "validation": 0.0})
    assert "; 5 test examples are also training examples" in conformance.check_dataset(plain)

    def random(_):
        return Split(np.random.default_rng().random((20, 2)), y), Split(x[:5], y[:5])

    monkeypatch.setattr(type(dataset), "read", random)
    with pytest.raises(BrokenPromise, match="differ when the dataset is loaded again"):
        conformance.check_dataset(plain)
