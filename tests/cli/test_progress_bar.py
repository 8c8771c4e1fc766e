"""The progress bar."""

import importlib
import os
import sys

from adamcmp.cli import main, progress_bar
from adamcmp.cli.progress_bar import Bar
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.run_kinds import run_kinds_by_key
from adamcmp.planning.timings import Timings
from adamcmp.training.outcome import Done
from tests.conftest import CPU
from tests.support.required import require_package
from tests.support.studies import SMALL

ONE = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50", "steps=300"]


def plan_two_runs(bar, specs):
    """Return the group of two runs that the bar shows."""
    two = tuple(specs([*ONE, "seed=0,1"]))
    run_kinds = run_kinds_by_key(spec.config for spec in two)
    costs = CostModel(run_kinds, dict.fromkeys(run_kinds, Timings({1: 0.001}, 0.01)))
    group = LaneGroup(two)
    bar.on_planned(Plan(CPU, two, run_kinds, costs), (group,))
    return group


def test_a_closed_stderr_ends_the_bar_not_the_training(specs, monkeypatch):
    class Closed:
        def isatty(self):
            return False

        def write(self, text):
            raise BrokenPipeError

    bar = Bar(2)
    with monkeypatch.context() as pipe:
        pipe.setattr(sys, "stderr", Closed())
        plan_two_runs(bar, specs)
    assert bar.quiet


def test_the_best_values_name_their_metric(specs, monkeypatch, capsys):
    monkeypatch.setattr(progress_bar, "LINE_INTERVAL", 0.0)
    bar = Bar(2)
    group = plan_two_runs(bar, specs)
    common = {"status": "done", "steps": 300, "stopped_at_step": None}
    rows = [
        {**common, "run_id": spec.run_id, "optimizer": optimizer, "val_error": error}
        for spec, (optimizer, error) in zip(
            group.specs, (("sgd", 0.5), ("adamw", 0.25)), strict=True
        )
    ]
    bar.on_finished(group, Done(rows))
    assert capsys.readouterr().err.endswith(", best val_error: adamw 0.250, sgd 0.500\n")


def test_a_terminal_shows_a_bar(monkeypatch, capsys):
    """In a terminal: loss, accuracy and gap while it trains; nothing of it on stdout."""
    require_package("pty")
    require_package("termios")
    pty, termios = map(importlib.import_module, ("pty", "termios"))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        assert main(["run", *SMALL, "steps=300", "eval.every_steps=20"]) == 0
        os.set_blocking(ours, False)
        shown = os.read(ours, 1 << 16).decode()
    assert all(word in shown for word in ("loss 0.", "acc 0.", "gap ", "%|"))
    out = capsys.readouterr().out
    assert "%|" not in out and "300 steps" in out
