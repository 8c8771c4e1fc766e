"""Training of networks as users write them, against a plain PyTorch loop."""

import random

import numpy as np
import pytest
import torch

from adamcmp.planning.grouping import LaneGroup
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.outcome import Stopped
from adamcmp.training.train import train_group
from tests.support.plain_loop import plain_loop
from tests.support.training import F64, comparable, trained

DATA = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]


def overrides(network, *more):
    target = f"model.target=tests.support.user_networks.{network}"
    return [
        *DATA,
        "model=custom",
        target,
        "steps=40",
        "eval.every_steps=20",
        "batch_size=10",
        *more,
    ]


@pytest.mark.parametrize("network", ["NumPyWeights", "NumPyNoise"])
def test_draws_from_numpy_and_python_depend_on_the_seed_only(network, specs):
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    (spec,), (other,) = (specs(overrides(network, f"seed={seed}")) for seed in (0, 1))
    losses = [trained(s).metrics for s in (spec, other, spec)]
    assert comparable(losses[0]) == comparable(losses[2])
    assert losses[0][-1]["test_loss"] != losses[1][-1]["test_loss"]
    drawn = random.random(), np.random.rand()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    assert (random.random(), np.random.rand()) == drawn  # noqa: NPY002


ORACLES = {
    "adamw": (
        ["optimizer=adamw", "lr=0.01", "wd=0.5"],
        lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.5),
    ),
    "amsgrad": (
        ["optimizer=amsgrad", "lr=0.01", "wd=0.1"],
        lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    ),
    "sgd": (
        ["optimizer=sgd", "lr=0.05", "wd=0.1", "optimizer.dampening=0.3"],
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1),
    ),
    "plain sgd": (
        ["optimizer=sgd", "lr=0.05", "wd=0.1", "optimizer.momentum=0"],
        lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=0.1),
    ),
    "torch class": (
        ["optimizer=torch", "optimizer.target=torch.optim.NAdam", "lr=0.01", "wd=0.1"],
        lambda p: torch.optim.NAdam(p, lr=0.01, weight_decay=0.1),
    ),
}


@pytest.mark.parametrize("clip", [None, 0.1])
@pytest.mark.parametrize("case", ORACLES)
def test_parameters_without_gradient_are_skipped(case, clip, specs):
    settings, optimizer = ORACLES[case]
    clipping = [f"grad_clip={clip}"] if clip else []
    (spec,) = specs(overrides("PartlyUsed", *settings, *clipping, "schedule=constant"), F64)
    expected, norm = plain_loop(spec, optimizer, clip=clip, with_norm=True)
    outcome = trained(spec)
    row = outcome.runs[0]
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-9)
    assert outcome.metrics[-1]["param_norm"] == pytest.approx(norm, rel=1e-9)


def test_an_assigned_buffer_is_kept(specs):
    (spec,) = specs(overrides("RunningMean", "optimizer=adamw", "wd=0.1", "schedule=constant"), F64)
    expected = plain_loop(spec, lambda p: torch.optim.AdamW(p, lr=0.001, weight_decay=0.1))
    row = trained(spec).runs[0]
    assert {k: row[k] for k in expected} == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("network", ["PartlyUsed", "RunningMean", "NumPyNoise"])
def test_a_run_resumes_with_the_same_bits(network, specs, tmp_path):
    (spec,) = specs(overrides(network, "optimizer=adamw", "wd=0.1", "steps=150"))
    checkpointing, steps = Checkpointing(tmp_path / "checkpoint", every=1e9), []
    stopped = train_group(
        LaneGroup((spec,)),
        lambda progress: steps.append(progress.step),
        checkpointing,
        lambda: steps[-1] >= 20,
    )
    assert isinstance(stopped, Stopped)
    resumed = train_group(LaneGroup((spec,)), checkpointing=checkpointing)
    assert comparable(resumed.metrics) == comparable(trained(spec).metrics)


def test_a_lazy_network_is_initialized_with_a_batch(specs):
    runs = [trained(specs(overrides(network))[0]).runs[0] for network in ("Lazy", "Eager")]
    assert runs[0]["parameters"] == runs[1]["parameters"]
    assert runs[0]["test_loss"] == runs[1]["test_loss"]
