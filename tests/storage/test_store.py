"""Studies: atomic appends, attempts, imports, and studies that cannot be written."""

import os
import shutil
import signal
import subprocess
import sys

import pandas as pd
import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.errors import ConfigError, StoreError
from adamcmp.storage import reader
from adamcmp.storage.arrow import METRIC_SCHEMA, run_schema, table_of_rows
from adamcmp.storage.parts import TABLES, tables_of
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.file_reads import recorded_reads
from tests.support.stored_rows import evaluation, outcomes, rows_on_disk, run_row
from tests.support.studies import FAST


class TestOutcomes:
    def test_a_study_that_does_not_exist_has_none(self, files):
        assert Store(files).outcomes() == {}

    def test_outcomes_have_the_error_of_failed_runs(self, store):
        store.append([run_row("a"), run_row("b", status="failed", error="Out of luck.")], [])
        assert store.outcomes() == {
            "a": RunRow(0, "done", ""),
            "b": RunRow(0, "failed", "Out of luck."),
        }
        assert store.statuses() == {"a": "done", "b": "failed"}

    def test_each_part_is_read_once_per_process(self, store, files, monkeypatch):
        reads = recorded_reads(monkeypatch, type(files))
        for run_id in "abc":
            store.append([run_row(run_id)], [])
        for _ in range(3):
            assert set(Store(files).statuses()) == {"a", "b", "c"}
        assert sorted(reads) == [f"runs/{name}" for name in reader.part_names(files)]

    def test_a_replaced_part_is_read_again(self, store, files):
        store.append([run_row("a")], [])
        (part,) = files.list("runs/")
        files.replace(part, b"")
        with pytest.raises(StoreError, match="is damaged"):
            store.statuses()


class TestAttempts:
    def test_training_again_counts_up(self, store, files):
        """Rows of earlier attempts are removed, so the parts have one row per run at any time."""
        for attempt, status in enumerate(["failed", "failed", "done"]):
            Store(files).append([run_row("a", status=status)], [evaluation("a", attempt)])
            assert rows_on_disk(files, "runs", "attempt", "variant") == [(attempt, "")]
            assert rows_on_disk(files, "metrics", "attempt", "step") == [(attempt, attempt)]
            assert store.statuses() == {"a": status}

    def test_all_variants_of_a_run_get_its_attempt(self, store, files):
        for _ in range(2):
            store.append([run_row("a"), run_row("a", variant="ema")], [])
        assert rows_on_disk(files, "runs", "attempt", "variant") == [(1, ""), (1, "ema")]

    def test_two_processes_that_append_a_run_at_once(self, store, files, monkeypatch):
        """Both rows are the first attempt: the part with the later time counts."""
        listed, raced = type(files).list, []

        def append_meanwhile(self, prefix):
            parts = listed(self, prefix)
            if prefix == "runs/" and not raced:
                raced.append(True)
                Store(files).append([run_row("a", seed=1)], [evaluation("a", 1)])
            return parts

        monkeypatch.setattr(type(files), "list", append_meanwhile)
        store.append([run_row("a", seed=2)], [evaluation("a", 2)])
        assert raced
        assert rows_on_disk(files, "runs", "attempt", "seed") == [(0, 2)]
        assert reader.read_metrics(files, ["step"]).to_pylist() == [{"step": 2}]


class TestImports:
    @pytest.fixture
    def imported(self, files):
        """A store of a study with the imported run "a"."""
        store = Store(files)
        self.add(store, "a", file="first.csv")
        return store

    def add(self, store, run_id, **metadata):
        runs = table_of_rows([run_row(run_id)], run_schema())
        metrics = table_of_rows([evaluation(run_id)], METRIC_SCHEMA)
        store.add_imported(runs, metrics, metadata)

    def test_runs_are_added_and_replaced(self, imported, files):
        for run_id in "ab":
            self.add(imported, run_id, file="second.csv")
        assert imported.statuses() == {"a": "done", "b": "done"}
        assert rows_on_disk(files, "runs", "run_id", "attempt") == [("a", 0), ("b", 0)]
        assert len(reader.read_metrics(files)) == 2

    def test_each_file_is_recorded_once(self, imported):
        for file in ("first.csv", "second.csv", "second.csv"):
            self.add(imported, "a", file=file)
        asked = imported.study_metadata()["asked"]
        assert [entry["file"] for entry in asked] == ["first.csv", "second.csv"]

    def test_uncommitted_metrics_of_a_killed_import_are_removed(self, imported, files):
        files.create("metrics/killed.parquet", b"")
        self.add(Store(files), "b", file="second.csv")
        assert "metrics/killed.parquet" not in files.list("metrics/")

    def test_no_runs_are_trained_in_a_study_of_imported_ones(self, imported):
        with pytest.raises(ConfigError, match=r"imported from first\.csv"):
            imported.open_for_training(CPU, [], {})


def test_imports_into_a_study_of_trained_runs_are_refused(store):
    with pytest.raises(ConfigError, match="has runs that adamcmp trained"):
        TestImports().add(store, "a", file="first.csv")


def test_outcomes_of_some_runs(store):
    store.append([run_row("a"), run_row("b", status="failed", error="Out of luck.")], [])
    store.append([run_row("b")], [])
    assert store.outcomes(["b", "c"]) == {"b": RunRow(1, "done")} and store.outcomes([]) == {}


class TestLock:
    def test_appending_needs_no_lock(self, store, files):
        """Another process may hold the lock while it compacts."""
        with files.lock(0.0):
            store.append([run_row("a")], [])
        assert store.statuses() == {"a": "done"}

    def test_a_study_that_another_process_has_locked(self, store, files, monkeypatch):
        monkeypatch.setattr("adamcmp.storage.store.LOCK_TIMEOUT", 0.0)
        with files.lock(0.0), pytest.raises(StoreError, match="locked by another process"):
            store.open_for_training(CPU, [], {})


class TestUnwritable:
    def test_a_study_that_was_moved(self, results):
        store = Store(results / "s")
        store.open_for_training(CPU, [], {})
        shutil.move(results / "s", results / "moved")
        with pytest.raises(StoreError, match="Was it moved"):
            store.append([run_row("a")], [])
        assert not (results / "s").exists()

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_read_only_results(self, results, capsys):
        results.mkdir()
        results.chmod(0o500)
        assert main(["run", *FAST]) == 2
        assert "Cannot write to" in capsys.readouterr().err

    def test_a_file_where_the_results_folder_should_be(self, tmp_path, capsys):
        (tmp_path / "taken").write_text("")
        assert main(["run", "results=taken", *FAST]) == 2
        assert "Cannot write to" in capsys.readouterr().err

    def test_full_disk(self, results, monkeypatch, capsys):
        adamcmp.run(FAST)
        real = os.fsync

        def full(fd):
            if not os.path.isdir(f"/proc/self/fd/{fd}"):  # noqa: PTH112
                raise OSError(28, "No space left on device")
            return real(fd)

        monkeypatch.setattr(os, "fsync", full)
        before = sorted(results.rglob("*"))
        assert main(["run", *FAST, "seed=9"]) == 2
        err = capsys.readouterr().err
        assert "No space left on device" in err and "Traceback" not in err
        assert sorted(results.rglob("*")) == before


@pytest.mark.parametrize("moment", ["examples", "metrics", "runs", "after"])
def test_killed_while_appending(results, moment):
    """SIGKILL before a file of a part appears, or after both: the old state or the new one."""
    store = Store(results / "s")
    store.open_for_training(CPU, [], {})
    store.append([run_row("a")], [evaluation("a")])
    script = f"""
import os, signal
from pathlib import Path
from adamcmp.storage.store import Store
link = Path.hardlink_to
def killed(self, target):
    table = self.parent.name
    if {moment!r} == table:
        os.kill(os.getpid(), signal.SIGKILL)
    link(self, target)
    if {moment!r} == "after" and table == "runs":
        os.kill(os.getpid(), signal.SIGKILL)
Path.hardlink_to = killed
Store(Path({str(results / "s")!r})).append(
    [{run_row("b")!r}], [{evaluation("b")!r}], [{outcomes("b")!r}]
)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    stored = {"a", "b"} if moment == "after" else {"a"}
    assert set(Store(results / "s").statuses()) == stored
    assert set(pd.read_parquet(results / "s" / "runs")["run_id"]) == stored
    store = Store(results / "s")
    store.open_for_training(CPU, [], {}, only_process=True)  # removes what the killed process left
    store.append([run_row("b")], [evaluation("b")], [outcomes("b")])
    assert set(store.statuses()) == {"a", "b"} and len(reader.read_metrics(results / "s")) == 2
    parts = reader.part_names(results / "s")
    for table in TABLES:
        written = sorted(path.name for path in (results / "s" / table).iterdir())
        assert written == [name for name in parts if table in tables_of(name)]
