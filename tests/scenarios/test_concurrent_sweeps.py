"""Processes that train or read one study at the same time."""

import json

import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.execution.liveness import process_statuses
from adamcmp.storage import reader
from adamcmp.storage.store import Store
from tests.support.interrupted import sweep_command
from tests.support.pausing_net import PAUSE, paused_processes
from tests.support.studies import PAUSING, SMALL
from tests.support.study_bits import assert_same_bits
from tests.support.waiting import wait_until

#: Six runs.
RUNS = [
    *(*SMALL, "wd=0,0.1", "seed=0,1,2", "eval.every_steps=60", "engine=eager"),
    *("workers=0", "checkpoint_every=0.1"),
]


@pytest.mark.slow
def test_two_sweeps_share_the_runs(commands, results):
    overrides = [*RUNS, "steps=120"]
    adamcmp.sweep([*overrides, "study=whole"])
    process = commands.start(*sweep_command(results, "both", [*overrides, "seed=0,1"]))
    queue = results / "both" / "queue"
    wait_until(lambda: any(queue.glob("plan-*")) or process.poll() is not None)
    # 1 if the other process is still training some of the runs.
    assert main(sweep_command(results, "both", [*overrides, "seed=1,2,0"])) in (0, 1)
    assert process.wait() in (0, 1)
    adamcmp.sweep([*overrides, "study=both"])
    assert_same_bits(results / "both", results / "whole")


def test_reservations_of_a_killed_sweep_are_released(commands, results, monkeypatch, capsys):
    """A second sweep reports a live one, and takes over its runs after it was killed."""
    overrides = [*PAUSING, "seed=range(6)", "workers=0"]
    PAUSE.touch()
    # The second sweep, in this process, may measure the speed of the model and must not pause.
    monkeypatch.setattr("tests.support.pausing_net.STEPS_BEFORE", 0)
    process = commands.start(*sweep_command(results, "s", overrides))
    wait_until(paused_processes)
    assert main([*sweep_command(results, "s", overrides), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["elsewhere"] == 6
    assert main(["ls", "s"]) == 0
    assert "s: 0 of 6 runs trained" in capsys.readouterr().out
    assert main(["ls"]) == 0
    assert f"(process {process.pid} on " in capsys.readouterr().out
    process.kill()
    process.wait()
    assert process_statuses(results / "s") == []
    PAUSE.unlink()
    assert main([*sweep_command(results, "s", overrides), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 6
    assert not [*(results / "s" / "queue").iterdir()]


@pytest.mark.slow
def test_a_cancelled_sweep_keeps_what_is_stored(commands, results, capsys):
    """It ends with an error, and the same command completes it from its checkpoints."""
    overrides = [*PAUSING, "seed=range(3)", "workers=1", "checkpoint_every=1e-9"]
    PAUSE.touch()
    process = commands.start(*sweep_command(results, "s", overrides))
    wait_until(paused_processes)
    assert main(["cancel", "s"]) == 0
    assert "with 3 runs not stored" in capsys.readouterr().out
    assert process.wait() == 1
    assert "3 runs not trained: the plan was cancelled" in commands.log.read_text()
    PAUSE.unlink()
    assert main([*sweep_command(results, "s", overrides), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["done"] == 3
    assert not [*(results / "s" / "queue").iterdir()]


def test_reading_during_a_compaction(results, monkeypatch):
    """A part that disappears after it was listed is not damage."""
    adamcmp.sweep([*SMALL, "steps=1", "seed=range(3)", "study=s", "engine=eager"])
    monkeypatch.setattr("adamcmp.storage.compaction.COMPACT_AT", 2)
    monkeypatch.setattr("adamcmp.execution.scheduler.FLUSH_SECONDS", 0.0)
    read = reader.read_part
    compacted = False

    def compacting(folder, table, name, columns=None):
        nonlocal compacted
        if not compacted and table == "metrics":
            compacted = True
            row = reader.read_runs(results / "s").to_pylist()[0]
            for number in range(4):
                Store(results / "s").append([{**row, "run_id": f"{number:016x}"}], [])
        return read(folder, table, name, columns)

    monkeypatch.setattr(reader, "read_part", compacting)
    runs, metrics = reader.load(results / "s")
    assert compacted and len(runs) == 7 and metrics["run_id"].nunique() == 3
