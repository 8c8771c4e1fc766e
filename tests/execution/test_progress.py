"""The progress of a sweep, and its estimate of the time left."""

import time

import pytest

from adamcmp.execution.progress import SweepProgress
from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.outcome import Done, TrainingProgress

ONE = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50", "steps=300"]


def test_time_left_after_a_resume(specs, monkeypatch):
    """Steps taken before the first update count as done, not as speed."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0] + 100)
    first, second = specs([*ONE, "seed=0,1"])
    progress = SweepProgress(2)
    group = LaneGroup((first,))
    progress.update(group, TrainingProgress(150, 300, 1))
    assert progress.seconds_left is None
    now[0] = 10.0
    progress.update(group, TrainingProgress(180, 300, 1))
    assert progress.position == pytest.approx(0.6) and progress.speed == pytest.approx(3)
    assert progress.seconds_left == pytest.approx(10 * 1.4 / 0.1)
    row = {"run_id": first.run_id, "steps": 300, "stopped_at_step": None}
    progress.finish(group, Done([row]))
    progress.finish(LaneGroup((second,)), Done([{**row, "run_id": second.run_id}]))
    assert progress.position == 2 and progress.seconds_left == 0 and progress.run_steps == 450
