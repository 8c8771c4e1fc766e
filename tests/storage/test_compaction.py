"""Compaction: parts are merged without superseded rows, and an interruption loses no row."""

import os
import time

import pytest

from adamcmp.storage import reader
from adamcmp.storage.arrow import EXAMPLE_SCHEMA, METRIC_SCHEMA, run_schema, table_of_rows
from adamcmp.storage.compaction import COMPACT_AT, compact, plan_compaction, remove_leftovers
from adamcmp.storage.folder import Folder
from adamcmp.storage.parts import write_part
from adamcmp.storage.store import Store
from tests.support.stored_rows import evaluation, outcomes, rows_on_disk, run_row


def write(files, *rows):
    """Write a part of runs, given as (run_id, variant, attempt, seed), and their evaluations."""
    runs = [
        run_row(run_id, variant=variant, attempt=attempt, seed=seed)
        for run_id, variant, attempt, seed in rows
    ]
    metrics = [
        evaluation(run_id, variant=variant, attempt=attempt, step=seed)
        for run_id, variant, attempt, seed in rows
    ]
    examples = [
        outcomes(run_id, variant=variant, attempt=attempt, set_id=str(seed))
        for run_id, variant, attempt, seed in rows
    ]
    tables = {
        "runs": table_of_rows(runs, run_schema()),
        "metrics": table_of_rows(metrics, METRIC_SCHEMA),
        "examples": table_of_rows(examples, EXAMPLE_SCHEMA),
    }
    write_part(files, tables)
    return reader.part_names(files)[-1]


@pytest.fixture
def study(files, store):
    """The files of a study without runs."""
    return files


def test_many_parts_become_one(store, files):
    for number in range(COMPACT_AT):
        store.append([run_row(f"{number:02d}")], [evaluation(f"{number:02d}")])
    assert len(reader.part_names(files)) == 1
    assert len(store.statuses()) == len(reader.read_metrics(files)) == COMPACT_AT


def test_appending_planned_runs_reads_no_part(store, files, monkeypatch):
    """With many workers, each would read what all others append."""
    for number in range(COMPACT_AT - 1):
        run_id = f"{number:02d}"
        with monkeypatch.context() as patch:
            patch.setattr(type(files), "read", None)
            store.append([run_row(run_id)], [], attempts={run_id: 0})
    assert len(reader.part_names(files)) == COMPACT_AT - 1
    store.append([run_row("x")], [], attempts={"x": 0})
    assert len(reader.part_names(files)) == 1 and len(store.statuses()) == COMPACT_AT


def test_a_process_that_compacts_holds_no_other_one_up(store, files):
    for number in range(COMPACT_AT + 2):
        with files.lock(0.0):
            store.append([run_row(f"{number:02d}")], [], attempts={f"{number:02d}": 0})
    assert len(reader.part_names(files)) == COMPACT_AT + 2


def test_fewer_parts_remain(study):
    write(study, ("a", "", 0, 0))
    assert plan_compaction(study).merges == ()


def test_a_part_without_rows_that_count_is_deleted(study):
    old = write(study, ("a", "", 0, 1))
    new = write(study, ("a", "", 1, 2))
    assert plan_compaction(study).merges == ((old,),)
    compact(study)
    assert reader.part_names(study) == [new]
    assert rows_on_disk(study, "metrics", "run_id", "step") == [("a", 2)]


def test_a_part_loses_its_superseded_rows_in_all_tables(study):
    write(study, ("a", "", 0, 1), ("b", "", 0, 2))
    write(study, ("a", "", 1, 3))
    compact(study)
    assert rows_on_disk(study, "runs", "run_id", "seed") == [("b", 2), ("a", 3)]
    assert rows_on_disk(study, "metrics", "run_id", "step") == [("b", 2), ("a", 3)]
    assert rows_on_disk(study, "examples", "run_id", "set_id") == [("b", "2"), ("a", "3")]


def test_parts_with_and_without_outcomes_are_merged(store, files):
    """Runs with `eval.examples=false` have none."""
    for number in range(COMPACT_AT):
        examples = [outcomes(f"{number:02d}")] if number % 2 else []
        store.append([run_row(f"{number:02d}")], [], examples)
    assert len(reader.part_names(files)) == 1
    run_ids = reader.load_examples(files)["run_id"].tolist()
    assert run_ids == [f"{number:02d}" for number in range(1, COMPACT_AT, 2)]


def test_all_variants_are_kept(study):
    write(study, ("a", "", 0, 1))
    write(study, ("b", "", 0, 2), ("b", "ema", 0, 2), ("a", "", 1, 3), ("a", "ema", 1, 3))
    write(study, ("b", "", 1, 4))
    compact(study)
    rows = rows_on_disk(study, "runs", "run_id", "variant")
    assert rows == [("a", ""), ("a", "ema"), ("b", "")]


def test_the_winner_of_equal_attempts_stays_when_a_part_is_appended_meanwhile(study, monkeypatch):
    """The part that another process wrote during the merge still follows the merged one."""
    monkeypatch.setattr("adamcmp.storage.compaction.COMPACT_AT", 2)
    write(study, ("a", "", 0, 1))
    write(study, ("b", "", 0, 2))
    create, appended = study.create, []

    def appending(name, content):
        if not appended:
            appended.append(True)
            write(study, ("a", "", 0, 3))
        create(name, content)

    monkeypatch.setattr(type(study), "create", lambda self, *args: appending(*args))
    compact(study)
    assert reader.read_final_rows(study, ["seed"])["a"]["seed"] == 3


class Killed(BaseException):
    """Ends a compaction."""


@pytest.mark.parametrize("deleted", range(4))
def test_a_merge_that_is_killed_while_it_deletes_parts(study, deleted, monkeypatch):
    """Each row is read once, and the next compaction completes the merge."""
    monkeypatch.setattr("adamcmp.storage.compaction.COMPACT_AT", 2)
    write(study, ("a", "", 0, 1), ("b", "", 0, 1))
    write(study, ("b", "", 1, 2), ("c", "", 0, 2))
    expected = {"a": 1, "b": 2, "c": 2}
    delete, deletions = type(study).delete, []

    def killed(self, name):
        if len(deletions) == deleted:
            raise Killed
        deletions.append(name)
        delete(self, name)

    with monkeypatch.context() as kill:
        kill.setattr(type(study), "delete", killed)
        with pytest.raises(Killed):
            compact(study)
    for _ in range(2):
        rows = reader.read_final_rows(study, ["seed"])
        assert {run_id: row["seed"] for run_id, row in rows.items()} == expected
        assert sorted(reader.read_metrics(study)["step"].to_pylist()) == [1, 2, 2]
        compact(study)
    assert len(rows_on_disk(study, "runs", "run_id")) == 3


class TestLeftovers:
    def test_uncommitted_files_are_removed(self, study):
        name = write(study, ("a", "", 0, 1))
        killed = write(study, ("b", "", 0, 2))
        study.delete(f"runs/{killed}")
        remove_leftovers(study, time.time_ns() + 1)
        for table in ("metrics", "examples"):
            assert list(study.list(f"{table}/")) == [f"{table}/{name}"]

    def test_files_of_a_process_that_started_later_are_kept(self, study):
        """A process that started later may still write the runs file of these metrics."""
        before = time.time_ns() - 10**9
        killed = write(study, ("b", "", 0, 2))
        study.delete(f"runs/{killed}")
        remove_leftovers(study, before)
        assert list(study.list("metrics/")) == [f"metrics/{killed}"]

    def test_opening_a_study_removes_them(self, study, store):
        killed = write(study, ("b", "", 0, 2))
        study.delete(f"runs/{killed}")
        for only_process, remaining in ((False, 1), (True, 0)):
            Store(study).open_for_training(store.numerics(), [], {}, only_process)
            assert len(study.list("metrics/")) == remaining

    def test_temporary_files_of_every_folder_are_removed(self, results):
        names = ("", "runs", "metrics", "examples", "checkpoints")
        folders = [results / "s" / name for name in names]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".tmp-x-1").write_bytes(b"")
            os.utime(folder / ".tmp-x-1", ns=(0, 0))
        remove_leftovers(Folder(results / "s"), 1)
        assert not list((results / "s").rglob(".tmp-*"))
