"""Parts: their order, and messages about those that are damaged or of other versions."""

import time

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.errors import StoreError
from adamcmp.storage import reader
from adamcmp.storage.arrow import METRIC_SCHEMA, VERSION_KEY, run_schema, table_of_rows
from adamcmp.storage.columns import EXAMPLE_COLUMNS, METRIC_COLUMNS, RUN_COLUMNS
from adamcmp.storage.folder import Folder
from adamcmp.storage.parts import (
    TABLES,
    list_parts,
    read_part,
    row_indexes,
    tables_of,
    write_part,
)
from tests.conftest import CPU
from tests.support.stored_rows import evaluation, outcomes, rewrite_part, run_row
from tests.support.studies import FAST

DAMAGE = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "last byte missing": lambda content: content[:-1],
    "zeroed": lambda content: bytes(len(content)),
    "text": lambda content: b"not parquet at all",
}


@pytest.fixture
def parts(store, files):
    """The names of the parts of a study of three runs in three parts."""
    for run_id in "abc":
        store.append([run_row(run_id)], [evaluation(run_id)], [outcomes(run_id)])
    return reader.part_names(files)


def tables(run_id):
    """Return the tables of a part of one run."""
    row = {**run_row(run_id), "variant": "", "attempt": 0}
    runs = table_of_rows([row], run_schema())
    return {"runs": runs, "metrics": table_of_rows([], METRIC_SCHEMA)}


class TestOrder:
    def test_the_time_orders_parts(self, files, parts):
        indexes = row_indexes(files, list_parts(files))
        assert list(indexes) == parts == sorted(parts)
        rows = [row for rows in indexes.values() for row in rows.to_pylist()]
        first = {"variant": "", "attempt": 0, "status": "done", "error": None}
        assert rows == [{"run_id": run_id, **first} for run_id in "abc"]

    def test_a_merged_part_takes_the_place_of_the_last_part_that_it_replaces(self, files, parts):
        write_part(files, tables("d"), replaced=parts[:2])
        names = reader.part_names(files)
        assert names[:2] == parts[:2] and names[3] == parts[2]

    def test_a_merge_that_was_killed_can_be_repeated(self, files, parts):
        """A merged metrics file exists already under the name that the next merge writes."""
        write_part(files, tables("d"), replaced=parts)
        merged = reader.part_names(files)[-1]
        files.delete(f"runs/{merged}")
        write_part(files, tables("d"), replaced=parts)
        assert reader.part_names(files) == [*parts, merged]


class TestDamage:
    @pytest.mark.parametrize("table", TABLES)
    @pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
    def test_a_damaged_part_is_named(self, files, parts, table, damage):
        name = f"{table}/{parts[0]}"
        files.replace(name, damage(files.read(name)))
        with pytest.raises(StoreError, match=f"{parts[0]} is damaged.*repeat the command that"):
            reader.read_tables(files, dict.fromkeys(TABLES))

    @pytest.mark.parametrize("table", TABLES)
    def test_commands_name_a_damaged_part(self, table, results, capsys):
        adamcmp.run(FAST)
        path = next((results / "s" / table).glob("*.parquet"))
        path.write_bytes(b"")
        assert main(["report", "s"]) == 2
        err = capsys.readouterr().err
        assert path.name in err and "Traceback" not in err
        assert main(["run", *FAST]) == (2 if table == "runs" else 0)

    def test_a_flipped_bit_never_reads_as_another_number(self, files, parts):
        name = f"metrics/{parts[0]}"
        content = files.read(name)
        for place in range(0, len(content), 37):
            flipped = bytes([content[place] ^ 4])
            files.replace(name, content[:place] + flipped + content[place + 1 :])
            with pytest.raises(StoreError, match="is damaged"):
                read_part(files, "metrics", parts[0])

    @pytest.mark.parametrize("table", ["metrics", "examples"])
    def test_a_missing_file_is_named(self, store, files, parts, table):
        files.delete(f"{table}/{parts[0]}")
        # `read_runs` is what `adamcmp ls` reads.
        for read in (lambda: reader.load(files), lambda: reader.read_runs(files), store.statuses):
            with pytest.raises(StoreError, match=f"{parts[0]} is missing"):
                read()

    @pytest.mark.parametrize("table", ["metrics", "examples"])
    def test_several_missing_files_are_one_message(self, files, parts, table):
        for name in parts[1:]:
            files.delete(f"{table}/{name}")
        with pytest.raises(StoreError, match=r"damaged: 2 files .* Otherwise delete those files"):
            reader.load(files)
        files.delete(f"{table}/{parts[0]}")
        with pytest.raises(StoreError, match=r"damaged: 3 files .* delete the whole folder runs/"):
            reader.load(files)

    def test_lost_files_of_runs(self, files, parts):
        for name in parts:
            files.delete(f"runs/{name}")
        assert "is missing or empty, but metrics/ has 3 files" in reader.no_runs(files)
        for name in parts:
            files.delete(f"metrics/{name}")
        assert reader.no_runs(files).endswith("has no runs yet.")

    def test_the_first_rows_of_a_worker_are_no_damage(self, files, parts):
        """It writes metrics before runs."""
        for name in parts:
            files.delete(f"runs/{name}")
        files.create("queue/worker-x.json", b"{}")
        assert reader.no_runs(files).endswith("has no runs yet.")

    def test_runs_that_are_requested(self, files, store):
        store.open_for_training(CPU, ["seeds=5"], {"runs": 5})
        assert "Its commands have 5 runs." in reader.no_runs(files)

    def test_a_file_that_cannot_be_read(self, files, parts, monkeypatch):
        def fail(self, name):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(type(files), "read", fail)
        with pytest.raises(StoreError, match=f"Cannot read .*{parts[0]}: Input/output error"):
            read_part(files, "runs", parts[0])


class TestOtherVersions:
    def test_a_foreign_file_is_refused(self, files, parts):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"x": [1]}), sink)
        files.create("runs/zz.parquet", sink.getvalue().to_pybytes())
        with pytest.raises(StoreError, match=r"zz.parquet was not written by adamcmp"):
            reader.load(files)

    def test_a_newer_part_is_refused(self, files, parts):
        rewrite_part(
            files, parts[0], lambda rows: rows.replace_schema_metadata({VERSION_KEY: b"99"})
        )
        with pytest.raises(StoreError, match="newer adamcmp"):
            reader.load(files)

    def test_columns_that_older_parts_lack_are_null_in_their_rows_only(self, store, files):
        for run_id in "ab":
            store.append([run_row(run_id, **{"optimizer.betas": [0.9, 0.99]})], [])
        first = reader.part_names(files)[0]
        rewrite_part(files, first, lambda rows: rows.drop_columns(["optimizer.betas"]))
        rows = reader.read_final_rows(files, ["optimizer.betas"])
        assert rows["a"]["optimizer.betas"] is None and rows["b"]["optimizer.betas"] == [0.9, 0.99]


class TestExamples:
    def test_a_part_without_outcomes_has_two_files(self, store, files):
        store.append([run_row("a")], [])
        (name,) = reader.part_names(files)
        assert tables_of(name) == ("runs", "metrics") and not files.list("examples/")

    def test_their_digest_is_in_the_name(self, files, parts):
        assert tables_of(parts[0]) == TABLES and len(parts[0].split("-")) == 4


def test_pandas_reads_a_study(results):
    """Without adamcmp; every registered column exists."""
    adamcmp.sweep([*FAST, "seed=0,1,2"])
    runs = pd.read_parquet(results / "s" / "runs")
    metrics = pd.read_parquet(results / "s" / "metrics")
    examples = pd.read_parquet(results / "s" / "examples")
    assert len(runs) == 3 and len(metrics) == 12 and len(examples) == 12
    assert list(examples.columns) == list(EXAMPLE_COLUMNS)
    assert list(runs.columns) == run_schema().names
    assert list(metrics.columns) == list(METRIC_COLUMNS)
    assert set(RUN_COLUMNS) <= set(runs.columns)
    assert runs["optimizer.betas"].iloc[0].tolist() == [0.9, 0.999]


def test_outcomes_take_at_most_8_kib_per_run(results):
    """Of mnist1d's 400 validation and 1,000 test examples, in a part of a single run."""
    adamcmp.run(["steps=1", "study=s"])
    (file,) = (results / "s" / "examples").iterdir()
    assert file.stat().st_size < 8192


def test_runs_of_a_deleted_part_are_trained_again(results):
    for seed in range(3):
        adamcmp.run([*FAST, f"seed={seed}"])
    key = ["run_id", "step"]
    whole = adamcmp.load("s").metrics.drop(columns="wall_time_s").sort_values(key)
    folder = Folder(results / "s")
    name = reader.part_names(folder)[0]
    for table in tables_of(name):
        folder.delete(f"{table}/{name}")
    adamcmp.sweep([*FAST, "seed=0,1,2"])
    again = adamcmp.load("s").metrics.drop(columns="wall_time_s").sort_values(key)
    pd.testing.assert_frame_equal(
        again.reset_index(drop=True), whole.reset_index(drop=True), check_exact=True
    )


def test_the_name_of_a_part_has_the_time(files, parts):
    assert int(parts[-1].partition("-")[0]) <= time.time_ns()


def test_a_slow_write_that_may_not_be_committed(store, files, monkeypatch):
    """Another process has taken over the runs meanwhile."""
    rows = [run_row("a")], [evaluation("a")], [outcomes("a")]
    monkeypatch.setattr("adamcmp.storage.parts.SLOW_SECONDS", 0)
    assert not store.append(*rows, may_commit=lambda: False)
    assert not store.statuses() and not reader.part_names(files)
    assert store.append(*rows, may_commit=lambda: True) and list(store.statuses()) == ["a"]
    monkeypatch.setattr("adamcmp.storage.parts.SLOW_SECONDS", 1e9)
    assert store.append([run_row("b")], [], may_commit=pytest.fail)


def test_a_process_that_was_frozen_while_it_wrote(results, monkeypatch):
    """Another one took its first files for those of a dead process, and removed them."""
    adamcmp.run([*FAST, "seed=0"])
    create = Folder.create

    def removed_meanwhile(files, name, content):
        if name.startswith("runs/"):
            for table in TABLES[1:]:
                files.delete(name.replace("runs", table, 1))
        create(files, name, content)

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "create", removed_meanwhile)
        patch.setattr("adamcmp.storage.parts.SLOW_SECONDS", 0)
        adamcmp.run([*FAST, "seed=1"])
    runs, metrics = reader.load(results / "s")
    assert metrics["run_id"].nunique() == len(runs) == 2
