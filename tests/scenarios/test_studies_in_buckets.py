"""Studies in a bucket: the same bits as in a folder, and every command on them."""

import random
import signal
from pathlib import Path

import numpy as np
import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.errors import StoreError
from adamcmp.execution import heartbeats
from adamcmp.platform.addresses import address
from adamcmp.storage import bucket_lock, reader
from adamcmp.storage.object_store import object_store
from adamcmp.storage.store import Store
from tests.support.commands import run
from tests.support.file_texts import text_of
from tests.support.frame_bits import different_bits
from tests.support.interrupted import count_lane_steps, leave_checkpoint
from tests.support.processes import start_command
from tests.support.s3_server import (
    BUCKET,
    DENIED,
    INTERNAL,
    KEY,
    SECRET,
    SLOW_DOWN,
    Fault,
)
from tests.support.studies import FAST, SMALL, STUDY_FILE, THREE_STEPS
from tests.support.study_bits import NOT_NUMBERS
from tests.support.waiting import wait_until

ROOT = f"s3://{BUCKET}/studies"
RUNS = [*THREE_STEPS, "optimizer=adam_l2,adamw", "seeds=2", "workers=0", "study=s"]


def numbers(study):
    """Return the tables of a study without times and attempts, sorted."""
    tables = [*reader.load(study), reader.load_examples(study)]
    keys = (["run_id"], ["run_id", "step"], ["run_id", "split", "metric"])
    others = [*NOT_NUMBERS, "attempt"]
    return [
        table.drop(columns=others, errors="ignore").sort_values(key, ignore_index=True)
        for table, key in zip(tables, keys, strict=True)
    ]


def assert_same_bits(results, study="s"):
    """Check that a study in the bucket has the numbers of the one in the folder."""
    for actual, expected in zip(
        numbers(address(ROOT) / study), numbers(results / study), strict=True
    ):
        assert different_bits(expected, actual) == []


def objects(folder=ROOT):
    """Return the content of each object of a folder, except checkpoints, by name."""
    files = object_store(address(folder))
    prefixes = ("", *(f"{name}/" for name in files.folders()))
    names = [*(name for prefix in prefixes for name in files.list(prefix)), ".lock"]
    return {name: files.read(name) for name in names}


def test_a_study_in_a_bucket_has_the_bits_of_one_in_a_folder(s3, results):
    adamcmp.sweep(RUNS)
    study = adamcmp.sweep([*RUNS, f"results={ROOT}"])
    assert study.folder == address(f"{ROOT}/s") and len(study.runs) == 4
    assert_same_bits(results)
    assert [path.name for path in Path().iterdir()] == ["results"]


def test_credentials_of_a_bucket_are_written_nowhere(s3, capsys, caplog):
    url = f"s3://{BUCKET}/x"
    assert main(["run", *THREE_STEPS, "study=s", "workers=0", f"results={url}"]) == 0
    s3.faults = [Fault("GET", "parquet", DENIED, times=9)]
    assert main(["report", "s", "--results", url]) == 2
    s3.faults = []
    written = "".join(map(text_of, objects(f"{url}/s").values()))
    shown = "".join([*capsys.readouterr(), caplog.text])
    assert "access is denied" in shown and "engine: eager" in written
    assert "'test_error': " in written
    assert not any(secret in text for secret in (KEY, SECRET) for text in (written, shown))


@pytest.mark.slow  # a report
def test_a_bucket_that_can_be_read_only_is_reported_on(s3, capsys, monkeypatch, quick_reports):
    monkeypatch.setenv("ADAMCMP_RESULTS", ROOT)
    adamcmp.sweep(RUNS)
    before = objects(f"{ROOT}/s")
    s3.faults = [Fault(method, "", DENIED, times=999) for method in ("PUT", "POST", "DELETE")]
    assert "cannot be recorded" in run(capsys, "report", "s")
    assert "adam_l2 adamw" in run(capsys, "ls")
    assert objects(f"{ROOT}/s") == before


def test_another_machine_continues_from_a_checkpoint(s3, results, specs, monkeypatch):
    single = [*THREE_STEPS, "optimizer=adamw", "workers=0", "study=s"]
    adamcmp.sweep(single)
    steps = count_lane_steps(monkeypatch)
    overrides = [*single, f"results={ROOT}"]
    store = Store(address(ROOT) / "s")
    with store.checkpoints.transferring():
        leave_checkpoint(specs(overrides), store, 2)
    assert steps() == 2
    object_store.cache_clear()  # another process
    adamcmp.sweep(overrides)
    assert steps() == 3
    assert_same_bits(results)
    assert not object_store(address(ROOT) / "s").list("checkpoints/")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://no-such-bucket/x", "there is no such bucket"),
        ("gs://bucket/x", "there is no storage for gs:// URLs"),
        (f"s3://{KEY}:{SECRET}@{BUCKET}/x", "Give credentials in the environment"),
    ],
)
@pytest.mark.parametrize("command", [["run", *THREE_STEPS], ["ls"]])
def test_a_bucket_that_cannot_be_used_is_one_line(s3, capsys, command, url, message):
    option = [f"results={url}"] if command[0] == "run" else ["--results", url]
    assert main([*command, *option]) == 2
    out, err = capsys.readouterr()
    assert not out and message in err and err.count("\n") == 1
    assert SECRET not in err and not any(Path().iterdir())


def test_a_bucket_that_cannot_be_written_stays_as_it_was(s3, capsys):
    s3.faults = [Fault("PUT", "", DENIED, times=100)]
    assert main(["run", *THREE_STEPS, f"results={ROOT}"]) == 2
    _, err = capsys.readouterr()
    assert "access is denied. The credentials need the rights" in err
    assert err.splitlines()[-1].startswith("adamcmp: s3://") and "Traceback" not in err
    assert object_store(address(ROOT)).folders() == []


@pytest.mark.slow
def test_faults_of_the_server_change_no_result(s3, results):
    class Random(list):
        """Every tenth request fails in one of several ways."""

        generator = random.Random(0)

        def __iter__(self):
            if self.generator.random() < 0.1:
                answer = self.generator.choice([INTERNAL, SLOW_DOWN, None])
                after = self.generator.random() < 0.5
                yield from (Fault(each, "", answer, after=after) for each in ("PUT", "GET", "POST"))

    adamcmp.sweep(RUNS)
    s3.faults = Random()
    for _ in range(3):
        adamcmp.sweep([*RUNS, f"results={ROOT}"], force=True)
    s3.faults = []
    assert_same_bits(results)
    assert adamcmp.load("s", results=ROOT).runs["attempt"].tolist() == [2] * 4


@pytest.mark.slow
@pytest.mark.parametrize("writes", range(1, 17, 3))
def test_a_sweep_continues_after_it_lost_the_bucket_at_any_write(s3, results, monkeypatch, writes):
    class Lost(list):
        """From a number of writes on, no request succeeds."""

        def __iter__(self):
            if sum(method != "GET" for method, _ in s3.requests) > writes:
                yield from (Fault(method, "", DENIED) for method in ("PUT", "GET", "POST"))

    sweep = [*RUNS, "seeds=1"]
    sweep.remove("seeds=2")
    adamcmp.sweep(sweep)
    s3.requests.clear()
    s3.faults = Lost()
    with pytest.raises(StoreError, match="access is denied"):
        adamcmp.sweep([*sweep, f"results={ROOT}"])
    s3.faults = []
    for module in (bucket_lock, heartbeats):  # another process
        monkeypatch.setattr(module, "process_start", lambda pid: "later")
    adamcmp.sweep([*sweep, f"results={ROOT}"])
    assert_same_bits(results)


@pytest.mark.slow  # three processes import torch
def test_a_sweep_that_is_stopped_leaves_its_checkpoints_in_the_bucket(s3, results, monkeypatch):
    sweep = ["sweep", *SMALL, "engine=eager", "steps=2000", "eval.every_steps=2000", "seeds=2"]
    sweep += ["study=s", "workers=2", "checkpoint_every=0.1"]
    Path("temporary").mkdir()
    monkeypatch.setenv("TMPDIR", "temporary")
    with start_command(*sweep, f"results={ROOT}") as process:
        wait_until(lambda: len(list(Path("temporary").glob("*/checkpoints/*.npz"))) == 2)
        process.terminate()
        _, err = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM, err
    assert not any(Path("temporary").glob("adamcmp-*"))
    steps = count_lane_steps(monkeypatch)
    for folder in (ROOT, results):
        adamcmp.sweep([*sweep[1:-2], "workers=0", f"results={folder}"])
    assert 4_000 < steps() < 7_900
    assert_same_bits(results)


@pytest.mark.slow  # three processes import torch
def test_workers_share_a_plan_in_a_bucket_and_replace_a_killed_one(s3, results, capsys):
    sweep = [*THREE_STEPS, "optimizer=adam_l2,adamw", "seeds=8", "lr=1e-3,1e-2", "study=s"]
    adamcmp.sweep([*sweep, "workers=0"])
    run(capsys, "sweep", *sweep, f"results={ROOT}", "lease_seconds=2", "--plan-only")
    worker = ["worker", "s", "--results", ROOT, "executor=serial"]
    with start_command(*worker) as killed:
        wait_until(lambda: any("lease-" in path for _, path in list(s3.requests)))
        killed.kill()
    with start_command(*worker) as first, start_command(*worker) as second:
        for process in (first, second):
            _, err = process.communicate()
            assert process.returncode == 0, err
    assert_same_bits(results)
    assert object_store(address(ROOT) / "s").list("queue/") == {}


@pytest.mark.slow
def test_every_command_reads_and_writes_a_bucket(s3, capsys, monkeypatch):
    monkeypatch.setenv("ADAMCMP_RESULTS", ROOT)
    run(capsys, "sweep", *FAST, "optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "seeds=2", "--quiet")
    assert "s " in run(capsys, "ls")
    run_id = adamcmp.load("s").runs["run_id"][0]
    assert run_id in run(capsys, "ls", "s")
    assert f"run {run_id} of {ROOT}/s" in run(capsys, "show", run_id)
    folder = f"results/s3/{BUCKET}/studies/s/report"
    assert f"page: {folder}/index.html" in run(capsys, "report", "s")
    assert Path(folder, "index.html").exists()
    run(capsys, "compare", "s", "--a", "optimizer=adamw", "--b", "optimizer=adam_l2")
    assert folder in run(capsys, "plot", "learning_curves", "s")
    run(capsys, "extend", "s", "seeds=2", "--quiet")
    run(capsys, "settle", "s", "--budget", "20", "--quiet")
    assert run(capsys, "report", "s", "--watch", "1")
    search = [*FAST, "study=searched", "lr=interval(1e-3,1e-1)", "sampler=random", "n=3"]
    run(capsys, "sweep", *search, "--quiet")
    run(capsys, "sweep", *search, "seeds=2", "--quiet")
    Path("mine.yaml").write_text(STUDY_FILE)
    run(capsys, "study", "mine.yaml", "--quiet")
    Path("theirs.csv").write_text("optimizer,lr,seed,val_error,test_error\nadamw,0.1,0,0.2,0.3\n")
    columns = ["--set", "dataset=x", "--set", "model=y", "--set", "wd=0"]
    run(capsys, "import-csv", "theirs.csv", "--study", "theirs", *columns)
    names = [line.split()[0] for line in run(capsys, "ls").splitlines()[2:]]
    assert set(names) == {"s", "searched", "mine", "theirs"}
    looks = object_store(address(ROOT) / "s").list("looks/")
    assert looks and not Path("results/s").exists()
    assert np.isfinite(adamcmp.load("searched").runs["val_error"]).all()
