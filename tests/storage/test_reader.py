"""Readers: one row per run, that of its final weights in its last attempt."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pytest

import adamcmp
from adamcmp.analysis import RunTable
from adamcmp.cli import main
from adamcmp.errors import NotFound, StoreError
from adamcmp.storage import reader
from adamcmp.storage.arrow import METRIC_SCHEMA, run_schema, table_of_rows
from adamcmp.storage.columns import EXAMPLE_COLUMNS
from adamcmp.storage.folder import Folder
from adamcmp.storage.outcomes import decode
from adamcmp.storage.parts import write_part
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.commands import listed
from tests.support.memory_files import MemoryFiles
from tests.support.stored_rows import evaluation, outcomes, rows_on_disk, run_row
from tests.support.studies import FAST

VERSION_0_1 = Path(__file__).parents[1] / "version_0_1" / "results"


class TestStudies:
    @pytest.fixture(params=[Folder, MemoryFiles])
    def root(self, request, results):
        """The files of a results folder with the studies b, a and c, in the order of changes."""
        root = request.param(results)
        with root.lock(1.0):
            pass
        for second, name in enumerate(("b/study.yaml", "c/study.yaml", "a/study.yaml"), start=1):
            root.create(name, b"")
            if isinstance(root, Folder):  # the clock of a file system may be coarse
                os.utime(results / name, (second, second))
        digest = "0" * 12
        root.create(f"c/runs/{2**62:020d}-{digest}-{digest}.parquet", b"")
        root.create("other/file", b"")
        return root

    def test_the_last_changed_study_is_the_last(self, root):
        assert reader.list_studies(root) == ["b", "a", "c"]

    def test_a_study_of_version_0_1_is_not_the_latest_after_a_checkout(self, root):
        digest = "0" * 12
        root.create("old/study.yaml", b"")  # now, later than the others
        root.create(f"old/runs/000312-{digest}-{digest}.parquet", b"")
        assert reader.list_studies(root) == ["old", "b", "a", "c"]

    def test_a_new_results_folder_has_none(self, files):
        assert reader.list_studies(files) == []

    def test_the_latest_study_and_unknown_ones(self, results):
        with pytest.raises(NotFound, match="There are no studies"):
            adamcmp.load()
        for study in ("first", "later"):
            Store(results / study).open_for_training(CPU, [], {})
        assert adamcmp.load().name == "later"
        with pytest.raises(NotFound, match="Did you mean 'later'"):
            adamcmp.load("latter")


class TestTables:
    def test_a_study_without_runs(self, store, files):
        assert len(reader.read_runs(files)) == len(reader.read_metrics(files)) == 0
        assert reader.read_final_rows(files) == {} and reader.part_names(files) == []

    def test_only_the_requested_columns_that_exist_are_read(self, store, files):
        store.append([run_row("a", lr=0.1)], [evaluation("a", step=2)])
        assert reader.read_runs(files, ["lr", "of_no_part"]).column_names == ["lr"]
        assert reader.read_final_rows(files, ["lr"]) == {"a": {"run_id": "a", "lr": 0.1}}
        assert reader.read_metrics(files, ["step"]).to_pylist() == [{"step": 2}]

    def test_rows_of_some_runs(self, store, files):
        store.append([run_row("a", lr=0.1), run_row("b", lr=0.2)], [])
        rows = reader.read_final_rows(files, ["lr"], {"b", "not stored"})
        assert rows == {"b": {"run_id": "b", "lr": 0.2}}
        assert reader.read_final_rows(files, ["lr"], ()) == {}

    def test_only_the_last_attempt_is_read(self, store, files):
        for status, step in (("failed", 1), ("done", 2)):
            store.append([run_row("a", status=status)], [evaluation("a", step)])
        assert reader.read_runs(files, ["status"]).to_pylist() == [{"status": "done"}]
        assert reader.read_metrics(files, ["step"]).to_pylist() == [{"step": 2}]

    def test_evaluations_without_a_run_are_damage(self, store, files):
        key = {"variant": "", "attempt": 0}
        runs = table_of_rows([run_row("a", **key)], run_schema())
        metrics = table_of_rows([evaluation("b", **key)], METRIC_SCHEMA)
        write_part(files, {"runs": runs, "metrics": metrics})
        with pytest.raises(StoreError, match="evaluations of 1 runs that are not in runs/"):
            reader.load(files)

    def test_loaded_tables_agree(self, results):
        loaded = adamcmp.sweep([*FAST, "seed=0,1,2"])
        assert loaded.name == "s" and len(loaded.runs) == 3
        assert loaded.runs["stopped_at_step"].dtype == pd.Int64Dtype()
        last = loaded.metrics.groupby("run_id").last()
        runs = loaded.runs.set_index("run_id")
        pd.testing.assert_series_equal(last["test_loss"], runs["test_loss"].loc[last.index])
        assert (runs["gap_error"] == runs["test_error"] - runs["train_error"]).all()

    def test_rows_of_version_0_1_are_first_attempts(self, results):
        folder = shutil.copytree(VERSION_0_1 / "failed", results / "failed")
        runs = reader.read_runs(folder).to_pylist()
        assert {(run["variant"], run["attempt"]) for run in runs} == {("", 0)}
        metrics = reader.read_metrics(folder, ["attempt", "variant"]).to_pylist()
        assert {(row["variant"], row["attempt"]) for row in metrics} == {("", 0)}
        again = {**next(run for run in runs if run["status"] == "failed"), "status": "done"}
        Store(folder).append([again], [])
        runs = reader.read_runs(folder)
        (row,) = runs.filter(pc.field("run_id") == again["run_id"]).to_pylist()
        assert (row["attempt"], row["status"]) == (1, "done")
        assert pd.read_parquet(folder / "runs")["run_id"].is_unique

    def test_new_parts_sort_after_those_of_version_0_1(self, results):
        folder = shutil.copytree(VERSION_0_1 / "failed", results / "failed")
        old = reader.part_names(folder)
        Store(folder).append([run_row("a")], [])
        assert reader.part_names(folder)[:-1] == old == sorted(old)


class TestExamples:
    def test_only_the_last_attempt_and_the_final_weights_are_read(self, store, files):
        for values in ((1, 1, 1), (0, 1, 0)):
            rows = [outcomes("a", values), outcomes("a", (1, 1, 1), variant="ema")]
            store.append([run_row("a"), run_row("a", variant="ema")], [], rows)
        (row,) = reader.load_examples(files).to_dict("records")
        assert decode(row["outcomes"], "error", 3).tolist() == [0, 1, 0] and row["attempt"] == 1

    def test_a_study_without_outcomes_has_none(self, results):
        for study in ("failed", "imported"):
            folder = shutil.copytree(VERSION_0_1 / study, results / study)
            examples = reader.load_examples(folder)
            assert examples.empty and list(examples) == list(EXAMPLE_COLUMNS)

    def test_runs_with_outcomes_are_added_to_a_study_of_version_0_1(self, results):
        folder = shutil.copytree(VERSION_0_1 / "failed", results / "failed")
        Store(folder).append([run_row("a")], [], [outcomes("a")])
        assert reader.load_examples(folder)["run_id"].tolist() == ["a"]
        assert "a" in reader.read_final_rows(folder) and len(reader.read_final_rows(folder)) > 1


class TestVariants:
    """Rows of a run's averaged weights beside those of its final weights."""

    def test_only_the_final_weights_are_read(self, store, files):
        store.append(
            [run_row("a", variant="ema", lr=1.0), run_row("a", lr=2.0)],
            [evaluation("a", variant="ema", step=1), evaluation("a", step=2)],
        )
        assert len(rows_on_disk(files, "runs", "variant")) == 2
        assert store.statuses() == {"a": "done"}
        assert reader.read_runs(files, ["lr"]).to_pylist() == [{"lr": 2.0}]
        assert reader.read_metrics(files, ["step"]).to_pylist() == [{"step": 2}]
        runs, metrics = reader.load(files)
        assert (len(runs), len(metrics)) == (1, 1)

    @pytest.fixture
    def averaged(self, results):
        """A study of four runs; each also has rows of a variant, which would win."""
        adamcmp.sweep([*FAST, "optimizer=adamw,sgd", "seeds=2"])
        final = list(reader.read_final_rows(results / "s").values())
        metrics = reader.read_metrics(results / "s").to_pylist()
        best = {"variant": "ema", "val_error": 0.0, "test_error": 0.0, "error": "of the average"}
        Store(results / "s").append(
            [*({**row, **best, "status": "failed"} for row in final), *final],
            [*({**row, "variant": "ema", "test_error": 0.0} for row in metrics), *metrics],
        )
        return results / "s"

    def test_a_table_has_each_run_once(self, averaged):
        table = RunTable.from_frames(*reader.load(averaged))
        assert len(table.runs) == 4 and table.runs["run_id"].is_unique
        assert (table.runs["test_error"] > 0).all()
        assert not table.metrics.duplicated(["run_id", "step"]).any()

    def test_a_report_has_each_run_once(self, averaged, quick_reports):
        runs = adamcmp.report("s").answer.runs
        assert len(runs) == 4 and runs["run_id"].is_unique

    def test_a_comparison_has_each_run_once(self, averaged):
        runs = adamcmp.load("s").runs
        table = adamcmp.compare(runs, a="optimizer=adamw", b="optimizer=sgd", metric="test_error")
        assert table["n"].tolist() == [2]

    def test_commands_list_each_run_once(self, averaged, capsys):
        assert [row.split()[:3] for row in listed(capsys)] == [["s", "4", "4"]]
        assert len(listed(capsys, "s")) == 4
        assert main(["show", next(iter(reader.read_final_rows(averaged)))]) == 0
        assert "of the average" not in capsys.readouterr().out

    def test_the_status_of_a_run_is_that_of_its_final_weights(self, averaged, capsys):
        assert main(["sweep", *FAST, "optimizer=adamw,sgd", "seeds=2"]) == 0
        assert "4 done" in capsys.readouterr().out
