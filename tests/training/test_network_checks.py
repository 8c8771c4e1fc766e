"""Checks of a user's network before anything is written."""

import pytest

from adamcmp.errors import ConfigError
from adamcmp.training.checks import check_run

DATA = ["dataset=teacher", "dataset.train_examples=60", "dataset.test_examples=20", "batch_size=10"]


def check(specs, network, *more):
    target = f"model.target=tests.support.user_networks.{network}"
    (spec,) = specs([*DATA, "model=custom", target, *more])
    return check_run(spec.config)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("UnseededWeights", r"different initial weights \(head.bias\)"),
        ("PlainRunningMean", "keeps state in running, which no checkpoint holds"),
        ("Counter", "keeps state in calls, which no checkpoint holds"),
        ("LateBuffer", "its forward pass creates mean"),
        ("GrowingBuffer", r"shape of the buffer memory from \(0, 20\) to \(2, 20\)"),
        ("ClippedWeights", "its forward pass replaces hidden.weight"),
        ("SparseGradients", "the gradient of embedding.weight is sparse"),
        ("ShapeAsNumber", r"user_networks.py, line \d+: TypeError.* `inputs` is the shape of an"),
    ],
)
def test_networks_that_cannot_be_reproduced_or_resumed(network, message, specs):
    with pytest.raises(ConfigError, match=message):
        check(specs, network)


@pytest.mark.parametrize(
    "network",
    ["NumPyWeights", "NumPyNoise", "RunningMean", "StoredActivations", "Lazy", "PartlyUsed"],
)
def test_networks_that_can(network, specs):
    check(specs, network)


def test_weights_that_do_not_depend_on_the_seed(specs):
    (notice,) = check(specs, "SelfSeeded")
    assert notice.startswith("model=custom has the same initial weights for every seed")
    assert check(specs, "Plain") == check(specs, "ZeroWeights") == ()


def test_batch_normalization_of_a_single_example(specs):
    """torch refuses it, and so does the layer of `mlp`."""
    with pytest.raises(ConfigError, match=r"batch_size=1: model=custom fails .*more than 1 value"):
        check(specs, "Eager", "batch_size=1")
    (spec,) = specs([*DATA, "model=mlp", "model.norm=batch", "batch_size=1"])
    with pytest.raises(ConfigError, match=r"batch_size=1: model=mlp fails .*more than one example"):
        check_run(spec.config)
    check(specs, "Plain", "batch_size=1")
