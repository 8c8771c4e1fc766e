"""The progress bar."""

import sys

from adamcmp.cli.progress_bar import Bar
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.run_kinds import run_kinds
from adamcmp.planning.timings import Timings
from tests.conftest import CPU

ONE = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50", "steps=300"]


def test_a_closed_stderr_ends_the_bar_not_the_training(specs, monkeypatch):
    class Closed:
        def isatty(self):
            return False

        def write(self, text):
            raise BrokenPipeError

    bar = Bar(2)
    with monkeypatch.context() as pipe:
        pipe.setattr(sys, "stderr", Closed())
        two = tuple(specs([*ONE, "seed=0,1"]))
        kinds = run_kinds(spec.config for spec in two)
        costs = CostModel(kinds, dict.fromkeys(kinds, Timings({1: 0.001}, 0.01)))
        bar.on_planned(Plan(CPU, two, kinds, costs), (LaneGroup(two),))
    assert bar.quiet
