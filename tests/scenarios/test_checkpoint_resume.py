"""Runs that continue from a checkpoint, and checkpoints that cannot be continued from."""

import os
import time
from functools import cache
from pathlib import Path

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.execution.executors import Serial
from adamcmp.storage.store import Store
from adamcmp.training import checkpoint
from tests.support.interrupted import count_lane_steps, leave_checkpoint
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits, numbers

STEPS = 150
RUN = [*SMALL, f"steps={STEPS}", "eval.every_steps=70", "engine=eager"]


@pytest.fixture
def store(results):
    """An empty study."""
    (results / "s").mkdir(parents=True)
    return Store(results / "s")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A function that returns the study of a run that was trained without interruption."""
    root = tmp_path_factory.mktemp("uninterrupted")

    @cache
    def study(*extra: str) -> Path:
        name = f"s{len(extra)}"
        adamcmp.run([*RUN, *extra, f"study={name}", f"results={root}", "workers=0"])
        return root / name

    return study


@pytest.mark.parametrize("extra", [[], ["optimizer=torch", "optimizer.target=torch.optim.RAdam"]])
@pytest.mark.parametrize("steps", [64, 70, 140])
def test_a_run_continues_from_its_checkpoint(
    extra, steps, specs, store, uninterrupted, monkeypatch
):
    whole = uninterrupted(*extra)
    leave_checkpoint(specs([*RUN, *extra]), store, steps)
    lane_steps = count_lane_steps(monkeypatch)
    adamcmp.run([*RUN, *extra, "study=s"])
    assert lane_steps() <= STEPS - steps
    assert_same_bits(store.folder, whole)


def with_one_bit_flipped(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b[:-1], lambda b: bytes(len(b)),
     with_one_bit_flipped, lambda b: b"\x80\x04cos\nsystem\n."],
    ids=["empty", "truncated", "last byte", "zeroed", "one bit", "pickle"],
)  # fmt: skip
def test_a_damaged_checkpoint_is_not_read(damage, specs, store):
    path = leave_checkpoint(specs([*RUN, "model.width=2"]), store, 64)
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoint.read(path) is None


def test_a_run_with_a_damaged_checkpoint_starts_again(specs, store, uninterrupted, caplog):
    path = leave_checkpoint(specs(RUN), store, 140)
    path.write_bytes(with_one_bit_flipped(path.read_bytes()))
    adamcmp.run([*RUN, "study=s"])
    assert f"{path} is damaged" in caplog.text and "start from the beginning" in caplog.text
    assert_same_bits(store.folder, uninterrupted())


def test_every_flipped_bit_of_a_checkpoint_is_detected(specs, store):
    path = leave_checkpoint(specs([*RUN, "model.width=2"]), store, 64)
    content = path.read_bytes()
    for position in range(0, len(content), 53):
        flipped = bytes([content[position] ^ 2])
        path.write_bytes(content[:position] + flipped + content[position + 1 :])
        assert checkpoint.read(path) is None


def test_a_checkpoint_of_another_version(specs, store, uninterrupted, monkeypatch, caplog):
    with monkeypatch.context() as other:
        other.setattr("adamcmp.storage.archive.FORMAT_VERSION", 99)
        leave_checkpoint(specs(RUN), store, 140)
    adamcmp.run([*RUN, "study=s"])
    assert "another version" in caplog.text
    assert_same_bits(store.folder, uninterrupted())


@pytest.mark.slow
def test_lanes_continue_from_the_checkpoint_of_a_larger_group(
    specs, fused, store, results, monkeypatch
):
    """A group of six of which two lanes have diverged continues in smaller groups."""
    overrides = [*RUN, "model=logistic", "seed=0,1", "lr=1e-3,1e9,3e-3"]
    adamcmp.sweep([*overrides, "study=whole"])
    assert (adamcmp.load("whole").runs["status"] == "diverged").sum() == 2
    leave_checkpoint(specs(overrides)[:6], store, 140, fused=True)
    lane_steps = count_lane_steps(monkeypatch)
    adamcmp.sweep([*overrides, "seed=1", "study=s"])
    assert lane_steps() <= 2 * (STEPS - 140)
    adamcmp.sweep([*overrides, "study=s"])
    assert lane_steps() <= 4 * (STEPS - 140)
    assert_same_bits(results / "s", results / "whole")


def test_force_trains_from_the_first_step(specs, results, monkeypatch):
    """A killed process left a checkpoint of runs that had ended: it is not used."""
    adamcmp.run([*RUN, "study=s"])
    leave_checkpoint(specs(RUN), Store(results / "s"), 140)
    lane_steps = count_lane_steps(monkeypatch)
    adamcmp.run([*RUN, "study=s"], force=True)
    assert lane_steps() == STEPS
    leave_checkpoint(specs(RUN), Store(results / "s"), 140)
    adamcmp.run([*RUN, "study=s"])
    numbers(results / "s")  # the checkpoint of the finished run has been removed


def test_a_moved_study_continues(specs, results, tmp_path, monkeypatch):
    adamcmp.run([*RUN, "seed=7", "study=s"])
    leave_checkpoint(specs(RUN), Store(results / "s"), 140)
    (tmp_path / "other").mkdir()
    (results / "s").rename(tmp_path / "other" / "t")
    lane_steps = count_lane_steps(monkeypatch)
    adamcmp.run([*RUN, "study=t", "results=other"])
    assert lane_steps() == STEPS - 140
    assert len(adamcmp.load("t", "other").runs) == 2


def test_a_study_that_is_moved_while_it_trains(results, tmp_path, monkeypatch, capsys):
    poll = Serial.poll

    def moving(self, *callbacks):
        if callbacks and (results / "s").exists():  # while it trains, not while it autotunes
            (results / "s").rename(tmp_path / "moved")
        return poll(self, *callbacks)

    monkeypatch.setattr(Serial, "poll", moving)
    assert main(["run", *RUN, "study=s"]) == 2
    assert "Was it moved" in capsys.readouterr().err and not (results / "s").exists()


def test_a_disk_that_is_full_while_a_checkpoint_is_written(results, monkeypatch, capsys):
    real = os.fsync

    def full(fd):
        if "checkpoints/.tmp" in os.readlink(f"/proc/self/fd/{fd}"):  # noqa: PTH115
            raise OSError(28, "No space left on device")
        return real(fd)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        assert main(["run", *RUN, "study=s", "checkpoint_every=1e-9"]) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err and "Traceback" not in err
    assert not list(results.rglob(".tmp-*"))
    assert main(["run", *RUN, "study=s"]) == 0
    numbers(results / "s")


def test_a_clock_that_jumps_back(monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 1e6 * time.monotonic())
    adamcmp.sweep([*RUN, "seed=0,1", "study=s", "checkpoint_every=1e-9"])
    assert adamcmp.load("s").runs["wall_time_s"].between(0, 600).all()
