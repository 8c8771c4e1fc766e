"""Replayed steps: the memory that a recording reads and writes. The recorder is a stand-in."""

from functools import partial

import torch

from adamcmp.training.engines.cuda_graphs import Replayed
from adamcmp.training.step import config, executables
from tests.conftest import CPU
from tests.support.training import FusedGroup, metrics


def test_bound_arguments_are_changed_in_place_and_others_are_copied():
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
    for _ in range(3):  # lanes were removed: their recordings are discarded
        replayed([other, torch.ones(1)])
    assert other.tolist() == [3] and state.tolist() == [9, 9] and len(recorded) == 2


def test_replayed_steps_have_the_bits_of_executed_ones(specs, monkeypatch):
    """With dropout and three splits, before and after lanes diverge."""
    overrides = ["model=mlp", "model.dropout=0.2", "lr=1e-3,1e12", "seed=range(3)", "steps=90"]
    planned = specs([*overrides, "eval.every_steps=25", "eval.train_examples=50"], CPU)
    group = FusedGroup(tuple(planned))
    expected = metrics([group])
    recorded = []

    def record(function):
        recorded.append(function)
        return function

    monkeypatch.setattr(executables, "Replayed", partial(Replayed, record=record))
    monkeypatch.setattr(config.StepConfig, "replays", True)
    assert metrics([group]) == expected
    assert len({len(rows) for rows in expected.values()}) == 2  # half of them diverged
    assert len(recorded) > 2
