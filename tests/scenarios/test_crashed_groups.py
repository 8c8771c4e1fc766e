"""Groups of lanes that crash are halved down to the run that crashes."""

from types import SimpleNamespace

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.planning.grouping import LaneGroup
from adamcmp.training import loop
from adamcmp.training.outcome import Done
from tests.support.studies import SMALL
from tests.support.study_bits import numbers

#: Two groups of eight lanes.
SWEEP = [
    "sweep",
    *SMALL,
    *("model=logistic", "seed=range(16)", "steps=2", "study=s", "engine=eager"),
]


@pytest.fixture
def crashes(fused, monkeypatch):
    """Groups crash if `when` returns true for their seeds.

    Otherwise their lanes are trained one by one, which is fast without a compiler.
    """
    run = loop.GroupTraining.run

    def crash_or_run(self):
        crashes.widths.append(self.width)
        if crashes.when([run.spec.config.protocol.seed for run in self.runs]):
            raise crashes.error
        lanes = [run(loop.GroupTraining(LaneGroup((r.spec,)), self.report)) for r in self.runs]
        tables = ("runs", "metrics", "examples")
        return Done(*([row for done in lanes for row in getattr(done, t)] for t in tables))

    crashes = SimpleNamespace(widths=[], when=lambda seeds: False, error=None)
    monkeypatch.setattr(loop.GroupTraining, "run", crash_or_run)
    return crashes


def test_a_crashed_group_is_halved_down_to_one_lane(crashes, results, capsys):
    crashes.when, crashes.error = lambda seeds: 3 in seeds, ValueError("in the user's model")
    assert main(SWEEP) == 1
    assert crashes.widths == [8, 4, 2, 2, 1, 1, 4, 8]
    runs = adamcmp.load("s").runs.set_index("seed")
    assert runs["status"].value_counts().to_dict() == {"done": 15, "failed": 1}
    assert runs.loc[3, "error"].startswith("ValueError: in the user's model\n\nTraceback")
    assert runs.loc[3, "run_id"] in capsys.readouterr().err
    crashes.when = lambda seeds: False
    # Only --retry-failed would train the failed run again.
    assert main(SWEEP) == 1 and len(crashes.widths) == 8
    assert main([*SWEEP, "--retry-failed"]) == 0
    assert crashes.widths[8:] == [1]
    numbers(results / "s")


@pytest.mark.parametrize(
    "error",
    [MemoryError(), pytest.param(RuntimeError("CUDA out of memory."), marks=pytest.mark.slow)],
)
def test_out_of_memory_halves_the_group(crashes, error, results):
    crashes.when, crashes.error = lambda seeds: len(seeds) > 2, error
    assert main(SWEEP) == 0
    assert crashes.widths == [8, 4, 2, 2, 4, 2, 2] * 2
    assert (adamcmp.load("s").runs["status"] == "done").all()
