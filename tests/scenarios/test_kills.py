"""Sweeps that are killed with SIGKILL continue to the same bits, with every row stored once."""

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

import adamcmp
from adamcmp.storage import archive, reader
from adamcmp.storage.store import Store
from tests.conftest import needs_compiler
from tests.support.interrupted import checkpoints, sweep_command
from tests.support.studies import SMALL
from tests.support.study_bits import assert_same_bits, numbers
from tests.support.waiting import wait_until

#: tests/storage/test_store.py has quick tests of killed processes.
pytestmark = pytest.mark.slow
#: Six runs, one lane per group.
UNFUSED = [*SMALL, "seed=0,1,2", "wd=0,0.1", "eval.every_steps=90", "engine=eager"]
#: 16 runs, a few groups of lanes.
FUSED = ["model=mlp", "seed=range(4)", "wd=0,0.03,0.1,0.2", "eval.train_examples=100", "eval.every_steps=300", "engine=compiled"]  # fmt: skip


def file_versions(study: Path) -> set[tuple[str, int]]:
    """Return the name and time of each checkpoint and part."""
    versions = set()
    for path in (*checkpoints(study), *(study / "runs").glob("*.parquet")):
        with contextlib.suppress(FileNotFoundError):
            versions.add((path.name, path.stat().st_mtime_ns))
    return versions


def steps_on_disk(study: Path, steps: int) -> Counter[str]:
    """Return the steps of each run that are stored, in a checkpoint or as a finished run."""
    stored = Counter(dict.fromkeys(Store(study).statuses(), steps))
    for path in checkpoints(study):
        metadata, _ = archive.read(path)
        # `|` keeps the larger count of each key.
        stored |= Counter(dict.fromkeys(metadata["runs"], metadata["steps_taken"]))
    return stored


def kill_repeatedly(start, study: Path, steps: int, seconds: float, kills: int) -> None:
    """Kill a sweep at random moments after it has progressed; check that stored work only grows.

    On a busy machine, a sweep may end before it is killed.

    Args:
        start: Starts the sweep and returns its process.
        study: Its folder.
        steps: Steps of each run.
        seconds: Duration of the whole training; the kills are spread over half of it.
        kills: Number of kills.
    """
    generator = random.Random(0)
    shares = [generator.random() for _ in range(kills)]
    before = Counter()
    for share in shares:
        versions = file_versions(study)
        process = start()

        def progressed(versions=versions, process=process):
            return file_versions(study) - versions or process.poll() is not None

        wait_until(progressed, every=0.003)
        time.sleep(0.5 * seconds * share / sum(shares))
        if process.poll() is None:
            # Kill all processes, or only the main process, after which the workers end.
            (os.killpg if generator.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
        code = process.wait()
        after = steps_on_disk(study, steps)
        assert after >= before
        if code == 0:
            return
        assert code == -signal.SIGKILL and after.total() > before.total()
        before = after


@pytest.mark.parametrize(
    ("overrides", "steps", "workers", "kills"),
    [
        pytest.param(UNFUSED, 3000, (0, 0), 3, id="unfused"),
        pytest.param(UNFUSED, 4000, (0, 2), 20, id="unfused, 20 kills"),
        pytest.param(FUSED, 20000, (1, 2), 20, id="fused", marks=needs_compiler),
    ],
)
def test_kills_at_random_moments(overrides, steps, workers, kills, commands, results):
    """Every run is stored once, with the bits of an uninterrupted sweep with other workers."""
    overrides = [*overrides, f"steps={steps}", "checkpoint_every=0.01"]
    uninterrupted, killed = ([*overrides, f"workers={n}"] for n in workers)
    # Compile first, so that the duration is that of training.
    assert commands.run(*sweep_command(results, "compiles", [*uninterrupted, "steps=1"])) == 0
    started = time.monotonic()
    assert commands.run(*sweep_command(results, "whole", uninterrupted)) == 0
    seconds = (time.monotonic() - started) / max(workers[1], 1)

    def start():
        return commands.start(*sweep_command(results, "killed", killed))

    kill_repeatedly(start, results / "killed", steps, seconds, kills)
    assert commands.run(*sweep_command(results, "killed", killed)) == 0
    assert_same_bits(results / "killed", results / "whole")


@pytest.mark.parametrize("stride", [50, 1])
def test_kills_at_each_write(stride, commands, results):
    """A kill before a flush, rename or removal of any file, checkpoints among them."""
    overrides = [*SMALL, "steps=80", "eval.every_steps=40", "engine=eager", "workers=0", "seed=0,1"]
    overrides.append("checkpoint_every=1e-9")
    adamcmp.sweep([*overrides, "study=whole"])
    call, code = 0, -signal.SIGKILL
    while code != 0:
        call += stride
        code = commands.run(*sweep_command(results, f"s{call}", overrides), kill_at=call)
        assert code in (0, -signal.SIGKILL)
        adamcmp.sweep([*overrides, f"study=s{call}"])
        assert_same_bits(results / f"s{call}", results / "whole")
    assert call > 50


@pytest.mark.parametrize("stride", [60, 1])
def test_kills_during_compaction(stride, results, commands, monkeypatch, tmp_path):
    """After a kill at any write of an import that compacts, every row exists once."""
    header = "optimizer,dataset,model,lr,wd,seed,test_error"
    for seed in (0, 1):
        (tmp_path / f"{seed}.csv").write_text(f"{header}\nadam,d,m,0.1,0,{seed},0.2\n")
    adamcmp.import_runs("0.csv", study="many")
    (row,) = reader.read_runs(results / "many").to_pylist()
    with monkeypatch.context() as patch:
        patch.setattr("adamcmp.storage.compaction.COMPACT_AT", 10**6)
        for number in range(39):
            Store(results / "many").append([{**row, "run_id": f"{number:016x}"}], [])
    assert len(reader.part_names(results / "many")) == 40
    arguments = ["import-csv", "1.csv", "--results", str(results), "--study", "copy"]
    call, code = 0, -signal.SIGKILL
    while code != 0:
        call += stride
        shutil.rmtree(results / "copy", ignore_errors=True)
        shutil.copytree(results / "many", results / "copy")
        code = commands.run(*arguments, kill_at=call)
        assert code in (0, -signal.SIGKILL)
        runs, _ = reader.load(results / "copy")
        assert len(runs) in (40, 41) and runs["run_id"].is_unique
    assert call > 50 and len(reader.part_names(results / "copy")) < 10
    numbers(results / "copy")
