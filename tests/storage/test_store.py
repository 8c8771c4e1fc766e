"""Studies on disk: atomic appends, messages about damage, attempts, compatibility."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from filelock import FileLock

import adamcmp
from adamcmp.cli import main
from adamcmp.config import Numerics
from adamcmp.errors import ConfigError, NotFound, StoreError
from adamcmp.storage import reader
from adamcmp.storage.columns import METRIC_COLUMNS, RUN_COLUMNS
from adamcmp.storage.folder import Folder
from adamcmp.storage.parts import TABLES, VERSION_KEY, part_name, read_part, run_schema
from adamcmp.storage.store import Store

SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
VERSION_0_1 = Path(__file__).parents[1] / "version_0_1" / "results"
FAST = [*SMALL, "steps=3", "eval.every_steps=1"]
NUMERICS = Numerics(device="cpu", dtype="float32", threads=1, engine="eager")


@pytest.fixture
def study(results):
    """A study of three runs in three parts."""
    for seed in range(3):
        adamcmp.run([*FAST, f"seed={seed}", "study=s"])
    return results / "s"


def part(study: Path, kind: str, number: int = 0) -> Path:
    return sorted((study / kind).glob("*.parquet"))[number]


def rewrite(study: Path, change) -> None:
    """Change the first runs part, as another version of the program would have written it."""
    contents = {kind: part(study, kind).read_bytes() for kind in TABLES}
    sink = pa.BufferOutputStream()
    pq.write_table(change(pq.read_table(pa.BufferReader(contents["runs"]))), sink)
    contents["runs"] = sink.getvalue().to_pybytes()
    digests = part_name(contents).partition("-")[2]
    for kind in TABLES:
        part(study, kind).unlink()
        (study / kind / f"000000-{digests}").write_bytes(contents[kind])


def test_pandas_reads_a_study(study):
    """Without adamcmp; every registered column exists."""
    runs, metrics = pd.read_parquet(study / "runs"), pd.read_parquet(study / "metrics")
    assert len(runs) == 3 and len(metrics) == 12
    assert list(runs.columns) == run_schema().names
    assert list(metrics.columns) == list(METRIC_COLUMNS)
    assert set(RUN_COLUMNS) <= set(runs.columns)
    assert runs["optimizer.betas"].iloc[0].tolist() == [0.9, 0.999]


def test_loaded_tables_agree(study):
    loaded = adamcmp.load("s")
    assert loaded.name == "s" and len(loaded.runs) == 3
    assert loaded.runs["stopped_at_step"].dtype == pd.Int64Dtype()
    last = loaded.metrics.groupby("run_id").last()
    runs = loaded.runs.set_index("run_id")
    pd.testing.assert_series_equal(last["test_loss"], runs["test_loss"].loc[last.index])
    assert (runs["gap_error"] == runs["test_error"] - runs["train_error"]).all()


@pytest.mark.parametrize("kind", ["runs", "metrics"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda b: b"",
        lambda b: b[: len(b) // 2],
        lambda b: b[:-1],
        lambda b: bytes(len(b)),
        lambda b: b"not parquet at all",
    ],
    ids=["empty", "truncated", "last byte missing", "zeroed", "text"],
)
def test_a_damaged_part_is_named(study, kind, damage, capsys):
    path = part(study, kind)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError, match=path.name):
        adamcmp.load("s").metrics  # noqa: B018
    assert main(["report", "s"]) == 2
    err = capsys.readouterr().err
    assert path.name in err and "Traceback" not in err
    if kind == "runs":
        assert main(["run", *FAST, "study=s"]) == 2


def test_a_flipped_bit_never_reads_as_another_number(study):
    path = part(study, "metrics")
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        with pytest.raises(StoreError, match="is damaged"):
            read_part(Folder(study), "metrics", path.name)


def test_a_missing_metrics_part_is_named(study):
    path = part(study, "metrics")
    path.unlink()
    with pytest.raises(StoreError, match=f"{path.name} is missing"):
        adamcmp.load("s").metrics  # noqa: B018


def test_runs_of_a_deleted_part_are_trained_again(study):
    whole = adamcmp.load("s").metrics.drop(columns="wall_time_s")
    name = part(study, "runs").name
    for kind in ("runs", "metrics"):
        (study / kind / name).unlink()
    adamcmp.sweep([*FAST, "seed=0,1,2", "study=s"])
    again = adamcmp.load("s").metrics.drop(columns="wall_time_s")
    key = ["run_id", "step"]
    pd.testing.assert_frame_equal(
        again.sort_values(key, ignore_index=True), whole.sort_values(key, ignore_index=True)
    )


def test_foreign_and_newer_parts_are_refused(study):
    pq.write_table(pa.table({"x": [1]}), study / "runs" / "zz.parquet")
    with pytest.raises(StoreError, match=r"zz.parquet was not written by adamcmp"):
        adamcmp.load("s").runs  # noqa: B018
    (study / "runs" / "zz.parquet").unlink()
    rewrite(study, lambda table: table.replace_schema_metadata({VERSION_KEY: b"99"}))
    with pytest.raises(StoreError, match="newer adamcmp"):
        adamcmp.load("s").runs  # noqa: B018


def test_columns_that_older_parts_lack(study):
    """They are null in the rows of those parts only."""
    rewrite(study, lambda table: table.drop_columns(["optimizer.betas"]))
    assert adamcmp.load("s").runs["optimizer.betas"].notna().sum() == 2


def test_a_key_without_a_column_is_an_error(study):
    with pytest.raises(KeyError, match="nonsense"):
        Store(study).append([{"run_id": "x", "nonsense": 1}], [])


@pytest.mark.parametrize("moment", ["metrics", "runs", "after"])
def test_killed_while_appending(study, moment):
    """SIGKILL after the temporary file of a part is written: the old state or the new one."""
    before = adamcmp.load("s").runs["run_id"].tolist()
    script = f"""
import os, signal, adamcmp, adamcmp.storage.store as store
from pathlib import Path
link = Path.hardlink_to
def killed(self, target):
    kind = self.parent.name
    if {moment!r} == kind:
        os.kill(os.getpid(), signal.SIGKILL)
    link(self, target)
    if {moment!r} == "after" and kind == "runs":
        os.kill(os.getpid(), signal.SIGKILL)
Path.hardlink_to = killed
adamcmp.run({[*FAST, "seed=3", "study=s"]!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(adamcmp.load("s").runs) == len(before) + (moment == "after")
    assert len(pd.read_parquet(study / "runs")) == len(before) + (moment == "after")
    row = adamcmp.run([*FAST, "seed=3", "study=s"])
    assert row["status"] == "done"
    assert len(adamcmp.load("s").runs) == len(before) + 1
    assert len(adamcmp.load("s").metrics) == 4 * (len(before) + 1)
    adamcmp.run([*FAST, "seed=4", "study=s"])
    left = [p.name for kind in ("runs", "metrics") for p in (study / kind).iterdir()]
    assert not [name for name in left if name.startswith(".tmp")]
    assert len(left) == 2 * len(reader.part_names(study))


def test_two_processes_append_to_one_study(results):
    command = [
        sys.executable,
        "-m",
        "adamcmp",
        "sweep",
        "optimizer=sgd,adam",
        "wd=0",
        *FAST,
        "study=both",
    ]
    both = [subprocess.Popen([*command, f"seed={s}"], stdout=subprocess.DEVNULL) for s in (0, 1)]
    assert [p.wait() for p in both] == [0, 0]
    runs = adamcmp.load("both").runs
    assert len(runs) == 4 and runs["run_id"].is_unique


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_results(results, capsys):
    results.mkdir()
    results.chmod(0o500)
    assert main(["run", *FAST]) == 2
    assert "Cannot write to" in capsys.readouterr().err


def test_a_file_where_the_results_folder_should_be(tmp_path, capsys):
    (tmp_path / "taken").write_text("")
    assert main(["run", "results=taken", *FAST]) == 2
    assert "Cannot write to" in capsys.readouterr().err


def test_full_disk(study, monkeypatch, capsys):
    real = os.fsync

    def full(fd):
        if not os.path.isdir(f"/proc/self/fd/{fd}"):  # noqa: PTH112
            raise OSError(28, "No space left on device")
        return real(fd)

    monkeypatch.setattr(os, "fsync", full)
    before = sorted(study.rglob("*"))
    assert main(["run", *FAST, "seed=9", "study=s"]) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err and "Traceback" not in err
    assert sorted(study.rglob("*")) == before


def test_damaged_study_yaml(study, capsys):
    (study / "study.yaml").write_text("{nonsense")
    assert main(["run", *FAST, "seed=9", "study=s"]) == 2
    assert "study.yaml is damaged" in capsys.readouterr().err


def test_study_yaml_records_each_command(study):
    about = Store(study).study_metadata()
    assert about["numerics"] == {
        "device": "cpu",
        "dtype": "float32",
        "threads": 1,
        "engine": "eager",
    }
    assert [a["words"][-2] for a in about["asked"]] == ["seed=0", "seed=1", "seed=2"]
    assert {"adamcmp_version", "torch_version", "git_commit", "at"} <= set(about["asked"][0])
    assert Store(study).numerics() == NUMERICS


def test_latest_study_and_unknown_ones(study):
    adamcmp.run([*FAST, "study=later"])
    assert adamcmp.load().name == "later"
    with pytest.raises(NotFound, match="Did you mean 'later'"):
        adamcmp.load("latter")


def row(run_id: str, **columns) -> dict:
    return {"run_id": run_id, "study": "s", "status": "done", **columns}


@pytest.fixture
def store(results):
    """A new study without runs."""
    store = Store(results / "s")
    store.open_for_training(NUMERICS, [], {})
    return store


class TestAttempts:
    def test_training_anew_counts_up(self, store):
        """By any store of the folder; the part has one row per run at any time."""
        for attempt, status in enumerate(["failed", "failed", "done"]):
            step = {"run_id": "a", "step": attempt}
            Store(store.folder).append([row("a", status=status)], [step])
            runs = pd.read_parquet(store.folder / "runs")
            assert (list(runs["attempt"]), list(runs["variant"])) == ([attempt], [""])
            metrics = pd.read_parquet(store.folder / "metrics")
            assert (list(metrics["attempt"]), list(metrics["step"])) == ([attempt], [attempt])
            assert store.statuses() == {"a": status}

    def test_variants_of_one_run_are_rows_of_their_own(self, store):
        store.append([row("a"), row("a", variant="ema")], [])
        assert len(reader.read_runs(store.folder)) == 2 and store.statuses() == {"a": "done"}

    def test_the_result_of_a_run_is_that_of_its_final_weights(self, results, capsys):
        """Whatever the outcome and the place of the rows of other variants."""
        adamcmp.run([*FAST, "study=s"])
        (final,) = reader.read_final_rows(results / "s").values()
        average = {**final, "variant": "ema", "status": "failed", "error": "of the average"}
        Store(results / "s").append([final, average], [])
        assert Store(results / "s").statuses() == {final["run_id"]: "done"}
        (row,) = reader.read_final_rows(results / "s", ["status"]).values()
        assert row == {"run_id": final["run_id"], "variant": "", "status": "done"}
        assert main(["run", *FAST, "study=s"]) == 0
        assert main(["sweep", *FAST, "study=s"]) == 0
        assert "1 done" in capsys.readouterr().out
        assert main(["show", final["run_id"]]) == 0
        assert main(["ls"]) == 0

    def test_rows_of_version_0_1_are_first_attempts(self, results):
        shutil.copytree(VERSION_0_1 / "failed", results / "failed")
        runs = reader.read_runs(results / "failed").to_pylist()
        assert {(run["variant"], run["attempt"]) for run in runs} == {("", 0)}
        metrics = reader.read_metrics(results / "failed", ["attempt", "variant", "step"])
        assert set(metrics["attempt"].to_pylist()) == {0}
        again = {**next(run for run in runs if run["status"] == "failed"), "status": "done"}
        Store(results / "failed").append([again], [])
        runs = pd.read_parquet(results / "failed" / "runs")
        assert runs["run_id"].is_unique and runs["status"].value_counts()["done"] == 2
        (row,) = (
            reader.read_runs(results / "failed")
            .filter(pc.field("run_id") == again["run_id"])
            .to_pylist()
        )
        assert (row["attempt"], row["status"]) == (1, "done")


def test_statuses_read_each_part_once(store, monkeypatch):
    reads = []
    read = Folder.read

    def counted(self, name):
        reads.append(name)
        return read(self, name)

    monkeypatch.setattr(Folder, "read", counted)
    for run_id in "abc":
        store.append([row(run_id)], [])
    reads.clear()
    for _ in range(3):
        assert set(Store(store.folder).statuses()) == {"a", "b", "c"}
    assert reads == []
    damaged, *_ = Folder(store.folder).list("runs/")
    (store.folder / damaged).write_bytes(b"")
    with pytest.raises(StoreError, match="is damaged"):
        store.statuses()


def test_appending_needs_no_lock(store, monkeypatch):
    """While another process compacts, say."""
    monkeypatch.setattr("adamcmp.storage.store.LOCK_TIMEOUT", 0.0)
    with FileLock(store.folder / ".lock"):
        store.append([row("a")], [])
    assert store.statuses() == {"a": "done"}


def test_new_parts_sort_after_those_of_version_0_1(results):
    shutil.copytree(VERSION_0_1 / "failed", results / "failed")
    old = reader.part_names(results / "failed")
    Store(results / "failed").append([row("a")], [])
    assert reader.part_names(results / "failed")[:-1] == old == sorted(old)


class TestNumerics:
    """Any field stands for one that was added after the study began."""

    @pytest.fixture
    def older(self, store, monkeypatch):
        """A study whose study.yaml lacks numerics.dtype, which has a neutral value."""
        path = store.folder / "study.yaml"
        metadata = yaml.safe_load(path.read_text())
        del metadata["numerics"]["dtype"]
        path.write_text(yaml.safe_dump(metadata))
        monkeypatch.setattr(Numerics, "neutral", {"dtype": "float64"})
        return Store(store.folder)

    def test_a_missing_value_is_the_neutral_one(self, older):
        assert older.numerics() == NUMERICS.model_copy(update={"dtype": "float64"})

    def test_an_older_study_can_be_trained_in(self, older):
        numerics = older.numerics()
        older.open_for_training(numerics, ["lr=1"], {})
        assert older.study_metadata()["asked"][-1]["words"] == ["lr=1"]
        with pytest.raises(StoreError, match="with other numerics"):
            older.open_for_training(NUMERICS, [], {})

    def test_a_sweep_adds_runs_to_an_older_study(self, results, monkeypatch):
        """With the ids that the same runs had before the field existed."""
        monkeypatch.setattr(Numerics, "neutral", {"dtype": "float32"})
        (old,) = adamcmp.sweep([*FAST, "seed=0", "study=older"]).runs["run_id"]
        path = results / "older" / "study.yaml"
        path.write_text(path.read_text().replace("  dtype: float32\n", ""))
        assert "dtype" not in path.read_text()
        runs = adamcmp.sweep([*FAST, "seed=0,1", "study=older"]).runs
        assert len(runs) == 2 and old in set(runs["run_id"])
        with pytest.raises(ConfigError, match="with dtype=float32"):
            adamcmp.sweep([*FAST, "dtype=float64", "study=older"])

    def test_a_missing_value_without_a_neutral_one_is_damage(self, older, monkeypatch):
        monkeypatch.setattr(Numerics, "neutral", {})
        with pytest.raises(StoreError, match=r"damaged: it has no numerics\.dtype"):
            older.numerics()
