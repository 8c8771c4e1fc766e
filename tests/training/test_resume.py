"""Which checkpoint a group resumes from, and when the next one is due."""

from types import SimpleNamespace

import pytest
import torch

from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training import resume
from adamcmp.training.resume import GroupCheckpoints

CPU = torch.device("cpu")


def records(*run_ids):
    spec = SimpleNamespace(config=None)
    return [
        SimpleNamespace(run_id=run_id, spec=spec, metrics=[{"step": 0}], stopped_at=None)
        for run_id in run_ids
    ]


@pytest.fixture
def checkpoints(tmp_path):
    """Return a function that returns the checkpoints of a group of the given name."""

    def of(name="group", every=1e9, source=None):
        source = tmp_path / source if source else None
        return GroupCheckpoints(Checkpointing(tmp_path / name, every, source), CPU)

    return of


def save(checkpoints, *run_ids, steps=7):
    """Save a checkpoint of runs, of which the first one has diverged."""
    finished, *training = records(*run_ids)
    checkpoints.save(training, [finished], {"w": torch.full((2,), float(steps))}, steps, 0.5)


def test_if_disabled_nothing_is_saved_or_found():
    checkpoints = GroupCheckpoints(None, CPU)
    assert not checkpoints.enabled and not checkpoints.due
    assert checkpoints.find(records("a")) is None


def test_a_checkpoint_is_due_after_the_interval(checkpoints, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    saved = checkpoints(every=30)
    now[0] = 129
    assert not saved.due
    now[0] = 130
    assert saved.due
    save(saved, "a")
    assert saved.enabled and not saved.due


def test_what_was_saved_is_found(checkpoints):
    save(checkpoints(), "a", "b", "c", steps=9)
    stored = checkpoints().find(records("b", "c"))
    assert stored.state["w"].tolist() == [9, 9]
    assert (stored.metadata["steps_taken"], stored.metadata["elapsed"]) == (9, 0.5)
    assert (stored.metadata["runs"], stored.metadata["training"]) == (["a", "b", "c"], ["b", "c"])
    assert stored.metadata["metrics"]["a"] == [{"step": 0}]
    assert checkpoints().find(records("c", "d")) is None  # a run that it does not hold


def test_the_checkpoint_of_a_larger_group_is_the_second_choice(checkpoints):
    save(checkpoints("large"), "a", "b", steps=1)
    assert checkpoints(source="large").find(records("b")).metadata["steps_taken"] == 1
    save(checkpoints(), "b", steps=2)
    assert checkpoints(source="large").find(records("b")).metadata["steps_taken"] == 2


def test_a_checkpoint_of_another_processor_is_ignored(checkpoints, monkeypatch):
    save(checkpoints(), "a")
    monkeypatch.setattr(resume, "hardware", lambda device: "another processor")
    assert checkpoints().find(records("a")) is None
