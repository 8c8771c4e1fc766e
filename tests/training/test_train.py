"""Crashes of a group are outcomes."""

import weakref

import numpy as np
import pytest

from adamcmp.components.schedules import Horizon
from adamcmp.planning.grouping import LaneGroup
from adamcmp.training import loop
from adamcmp.training.outcome import Failed
from adamcmp.training.train import train_group
from tests.support.studies import SMALL
from tests.support.training import F64, FusedGroup


def test_a_crash_is_an_outcome(specs, tmp_path):
    (tmp_path / "crashing.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, inputs, outputs):\n"
        "        super().__init__(inputs[0], outputs)\n"
        "    def forward(self, x):\n"
        "        if len(x) > 2: raise RuntimeError('wrong in the model')\n"
        "        return super().forward(x)\n"
    )
    (spec,) = specs(["model=custom", "model.target=crashing.Net"])
    outcome = train_group(LaneGroup((spec,)))
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.run_ids) == ("RuntimeError: wrong in the model", (spec.run_id,))
    assert "crashing.py" in outcome.traceback


def test_the_memory_of_a_crashed_group_is_freed(specs, monkeypatch):
    """The halves that are tried next need it."""
    trained = []

    def crash(lanes, data, keep_outcomes):
        trained.append(weakref.ref(lanes))
        raise MemoryError("no more")

    monkeypatch.setattr(loop, "evaluate", crash)
    planned = specs(["model=mlp", "seed=range(3)", "steps=3"])
    for _ in range(2):
        assert isinstance(train_group(FusedGroup(tuple(planned))), Failed)
    assert [lanes() for lanes in trained] == [None, None]


def test_fixed_decay_with_its_own_schedule_ignores_the_learning_rate(specs):
    """With lr 0, lanes shrink by the product of 1 - wd*w_t; a lane alone has the same bits."""
    overrides = [*SMALL, "optimizer.coupling=fixed", "lr=0", "wd=0.1", "steps=10"]
    planned = specs([*overrides, "wd_schedule=null,linear,wsd", "schedule=cosine,constant"], F64)
    group = train_group(FusedGroup(tuple(planned)))
    rows = {row["run_id"]: row for row in group.runs}
    for spec in planned:
        schedule = spec.config.wd_schedule
        w = schedule.multiplier(np.arange(10), Horizon(10, 1.0)) if schedule else np.ones(10)
        norms = [m["param_norm"] for m in group.metrics if m["run_id"] == spec.run_id]
        assert norms[-1] / norms[0] == pytest.approx(np.prod(1 - 0.1 * w), rel=1e-12)
        assert rows[spec.run_id]["wd_schedule"] == (schedule.name if schedule else None)
    alone = train_group(FusedGroup((planned[2],)))
    together = [m for m in group.metrics if m["run_id"] == planned[2].run_id]
    assert alone.metrics[-1]["param_norm"] == together[-1]["param_norm"]
