"""Lists of studies and runs, and finding a run by its id."""

import os
import shutil
import time

import pytest

import adamcmp
from adamcmp.errors import ConfigError, NotFound, StoreError
from adamcmp.execution.heartbeats import Heartbeat
from adamcmp.execution.queue_files import worker_file
from adamcmp.storage.folder import Folder
from adamcmp.storage.store import Store
from adamcmp.workflows.listing import find_run, list_runs, list_studies
from tests.conftest import CPU
from tests.support.studies import FAST


@pytest.fixture
def root(results, specs):
    """Studies ``a`` (three runs) and ``b`` (one of them, and one that failed)."""
    overrides = ["dataset=teacher", "optimizer=adamw", "lr=1e-3,1e-2", "model.width=8,16"]
    rows = [row(spec, hour) for hour, spec in enumerate(specs(overrides))]
    failed = {
        **rows[3],
        "status": "failed",
        "error": "ValueError: x\n\nTraceback",
        "test_error": None,
    }
    store(results / "a", rows[:3])
    store(results / "b", [rows[0], failed])
    return results


def row(spec, hour):
    return {
        **spec.columns(),
        "status": "done",
        "finished_at": f"2026-01-01T0{hour}:00:00+00:00",
        "test_error": 0.1 * hour,
    }


def store(folder, rows):
    """Store runs, with three evaluations each."""
    study = Store(folder)
    study.open_for_training(CPU, ["sweep"], {})
    metrics = [{"run_id": row["run_id"], "step": step} for row in rows for step in (20, 0, 10)]
    study.append([{**row, "study": folder.name} for row in rows], metrics)


def ids(root, study):
    return [row["run_id"] for row in list_runs(root, [study]).rows]


def test_studies(root):
    a, b = list_studies(root)
    assert (a.name, a.runs, a.statuses) == ("a", 3, {"done": 3, "diverged": 0, "failed": 0})
    assert (b.name, b.runs, b.statuses) == ("b", 2, {"done": 1, "diverged": 0, "failed": 1})
    assert a.optimizers == ("adamw",) and a.queue.processes == ()
    assert (a.latest, b.latest) == ("2026-01-01T02:00:00+00:00", "2026-01-01T03:00:00+00:00")


def test_processes(root):
    """One whose heartbeats are late has been silent for some time."""
    files = Folder(root / "a")
    with Heartbeat(files, lease_seconds=40.0, interval=3600.0) as heartbeat:
        (process,) = list_studies(root)[0].queue.processes
        assert process.silent_seconds == 0 and process.status.pid == os.getpid()
        file, now = root / "a" / worker_file(heartbeat.worker), time.time()
        os.utime(file, (now, now - 60))
        (process,) = list_runs(root, ["a"]).queues["a"].processes
        assert process.silent_seconds == pytest.approx(60, abs=20)


def test_a_damaged_study_is_listed_with_its_error(root):
    (part,) = (root / "a" / "runs").iterdir()
    part.write_bytes(b"")
    a, b = list_studies(root)
    assert isinstance(a.error, StoreError) and part.name in str(a.error) and a.runs == 0
    assert b.error is None


def test_columns_are_those_that_vary_or_have_a_value(root):
    columns = list_runs(root, ["a"]).columns
    assert columns[:2] == ("run_id", "optimizer") and "model.width" in columns
    assert "study" not in columns and "dataset.noise" not in columns and "train_loss" not in columns
    narrow = list_runs(root, ["a"], ["model.width=8", "batch_size>=1"])
    # The width is shown because a condition names it, although it is equal in all these runs.
    assert {"model.width", "batch_size"} <= set(narrow.columns)
    assert {row["model.width"] for row in narrow.rows} == {8}


def test_settings_that_vary_are_listed_whatever_their_name(results):
    adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "batch_size=20,50"])
    columns = list_runs(results).columns
    assert {"coupling", "batch_size"} <= set(columns) and len(columns) == len(set(columns))
    # These do not vary, repeat another column, or follow from the settings.
    assert not {"schedule", "optimizer.coupling", "parameters"} & set(columns)


def test_all_studies(root):
    listed = list_runs(root)
    assert listed.studies == ("a", "b") and listed.columns[0] == "study"
    assert [row["study"] for row in listed.rows] == ["a"] * 3 + ["b"] * 2
    assert {row["status"] for row in list_runs(root, (), ["status=failed"]).rows} == {"failed"}
    with pytest.raises(ConfigError, match="Did you mean 'status'"):
        list_runs(root, (), ["statu=failed"])
    with pytest.raises(NotFound):
        list_runs(root, ["c"])


def test_a_run_by_the_first_digits_of_its_id(root):
    run_id = ids(root, "a")[1]
    for name in (run_id, run_id[:6], f"a/{run_id[:6]}"):
        run = find_run(root, name)
        assert (run.folder, run.row["run_id"]) == (root / "a", run_id)
        assert [evaluation["step"] for evaluation in run.metrics] == [0, 10, 20]


def test_ambiguous_and_unknown_ids(root):
    shared = ids(root, "a")[0]
    with pytest.raises(NotFound, match=f"2 runs begin with '{shared}': a/{shared}, b/{shared}"):
        find_run(root, shared)
    assert find_run(root, f"b/{shared}").folder == root / "b"
    for name in ("zzzz", "a/", f"a/{ids(root, 'b')[1]}"):
        with pytest.raises(NotFound, match=f"There is no run '{name}'"):
            find_run(root, name)


def test_a_damaged_study_does_not_hide_the_others(root):
    run_id = ids(root, "a")[1]
    shutil.copytree(root / "a", root / "damaged")
    (part,) = (root / "damaged" / "runs").iterdir()
    part.write_bytes(b"")
    assert find_run(root, run_id).folder == root / "a"
    with pytest.raises(StoreError, match="damaged"):
        find_run(root, f"damaged/{run_id}")
    with pytest.raises(NotFound, match=rf"There is no run 'zzzz' .*{part.name}"):
        find_run(root, "zzzz")
