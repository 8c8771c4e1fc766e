"""Weights along a run: against a plain loop, alone and in lanes."""

import pytest
import torch
from torch import nn

from adamcmp.training.trajectories import follow, fuses, step_count, weights
from tests.support.plain_loop import plain_loop
from tests.support.training import F64

SMALL = ["dataset=teacher", "model.width=5", "batch_size=8", "steps=3"]
SGD = ["optimizer=sgd", "optimizer.momentum=0.5", "schedule=constant"]


def test_the_weights_are_those_of_a_plain_loop(specs):
    (spec,) = specs([*SMALL, *SGD, "wd=0.1"], F64)
    *_, lanes = follow([spec], [0, 2, 3])
    _, norm = plain_loop(
        spec, lambda p: torch.optim.SGD(p, 0.1, momentum=0.5, weight_decay=0.1), with_norm=True
    )
    assert weights(lanes).norm().item() == pytest.approx(norm, rel=1e-12)
    assert step_count(spec) == 3


def test_lanes_have_the_weights_of_single_runs_at_each_step(specs):
    runs = specs([*SMALL, *SGD, "lr=0.1,0.2"], F64)
    assert fuses(runs[0])
    together = [weights(lanes) for lanes in follow(runs, [0, 1, 3])]
    for lane, run in enumerate(runs):
        alone = [weights(lanes)[0] for lanes in follow([run], [0, 1, 3])]
        for expected, actual in zip(alone, together, strict=True):
            torch.testing.assert_close(actual[lane], expected, rtol=1e-12, atol=1e-13)
    assert torch.equal(together[0][0], together[0][1])  # the same initial weights


def test_initial_weights_are_those_of_the_model(specs):
    (spec,) = specs(["dataset=teacher", "model=logistic", "steps=1"], F64)
    (lanes,) = follow([spec], [0])
    params = lanes.state["params"].values()
    assert weights(lanes).shape == (1, sum(p[0].numel() for p in params))
    assert nn.utils.parameters_to_vector([p[0] for p in params]).norm() == weights(lanes).norm()
