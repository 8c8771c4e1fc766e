"""Crashes of a group are outcomes."""

import weakref

from adamcmp.planning.grouping import LaneGroup
from adamcmp.training import loop
from adamcmp.training.outcome import Failed
from adamcmp.training.train import train_group
from tests.support.training import FusedGroup


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
