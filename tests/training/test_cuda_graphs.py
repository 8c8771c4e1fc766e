"""Replayed steps: the memory that a recording reads and writes, with a stand-in for the GPU's."""

from functools import partial

import torch

from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.engines.cuda_graphs import Replayed
from adamcmp.training.step import config, executables
from tests.conftest import CPU
from tests.training.test_bit_identity import metrics


def test_what_stays_is_changed_in_place_and_what_moves_is_copied():
    def add(tensors):
        state, batch = tensors
        state.add_(batch)
        return (state * 2,)

    recorded = []

    def record(function):
        recorded.append(function)
        return function

    replayed = Replayed(add, 1, record)
    state, other, shown = torch.zeros(2), torch.zeros(1), []
    for value in (1.0, 2.0, 3.0, 3.0):
        shown += replayed([state, torch.tensor([value])])
    assert state.tolist() == [9, 9] and [s[0].item() for s in shown] == [2, 6, 12, 18]
    assert len(recorded) == 1  # at the second call
    for _ in range(3):  # lanes have left: what was recorded is of no use
        replayed([other, torch.ones(1)])
    assert other.tolist() == [3] and state.tolist() == [9, 9] and len(recorded) == 2


def test_replayed_lanes_have_the_bits_of_executed_ones(specs, monkeypatch):
    """With dropout, divergence and three splits: steps and evaluations, before lanes leave and after."""
    words = ["model=mlp", "model.dropout=0.2", "lr=1e-3,1e12", "seed=range(3)", "steps=90"]
    planned = specs([*words, "eval.every_steps=25", "eval.train_examples=50"], CPU)
    group = LaneGroup(tuple(planned), True)
    wanted = metrics([group])
    recorded = []

    def record(function):
        recorded.append(function)
        return function

    monkeypatch.setattr(executables, "Replayed", partial(Replayed, record=record))
    monkeypatch.setattr(config.StepConfig, "replays", True)
    assert metrics([group]) == wanted
    assert len({len(rows) for rows in wanted.values()}) == 2  # half of them left
    assert len(recorded) > 2
