"""Sweeps that are killed, crash, are interrupted or meet each other: the same bits, every row once."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import adamcmp
from adamcmp.cli import main
from adamcmp.execution.executors import Serial
from adamcmp.execution.reservations import process_statuses, reserve
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup, TrainTask
from adamcmp.planning.specs import RunSpec
from adamcmp.storage import archive, reader
from adamcmp.storage.store import Store
from adamcmp.training import checkpoint, loop
from adamcmp.training.outcome import Done, Stopped
from adamcmp.training.train import train_group
from tests.conftest import needs_compiler

SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
#: Six runs of 400 steps, a lane a group.
SINGLES = [*SMALL, "seed=0,1,2", "wd=0,0.1", "steps=400", "eval.every_steps=90", "engine=eager"]
#: 16 runs, a few groups of lanes; `tests.training.test_bit_identity` compiles the same steps.
FUSED = ["model=mlp", "seed=range(4)", "wd=0,0.03,0.1,0.2", "eval.train_examples=100", "eval.every_steps=300", "engine=compiled"]  # fmt: skip
ALONE = ["workers=0", "checkpoint_every=0.03"]


def tables(study: Path):
    """Return what must be the same bits, however a study came about; look for what is left over."""
    runs, metrics = reader.load(study)
    assert runs["run_id"].is_unique and not metrics.duplicated(["run_id", "step"]).any()
    assert len(pd.read_parquet(study / "runs")) == len(runs)
    assert len(pd.read_parquet(study / "metrics")) == len(metrics)
    left = {p.relative_to(study).as_posix() for p in study.rglob("*") if p.suffix != ".parquet"}
    folders = {"runs", "metrics", "claims", "checkpoints"}
    assert left <= folders | {"claims/.lock", ".lock", "study.yaml"}
    runs = runs.drop(columns=["wall_time_s", "finished_at", "study", "git_commit", "git_dirty"])
    return (
        runs.sort_values("run_id", ignore_index=True),
        metrics.drop(columns="wall_time_s").sort_values(["run_id", "step"], ignore_index=True),
    )


def assert_same_bits(study: Path, other: Path) -> None:
    for actual, wanted in zip(tables(study), tables(other), strict=True):
        pd.testing.assert_frame_equal(actual, wanted, check_exact=True)


def sweep(results, study, overrides):
    return ["sweep", *overrides, f"results={results}", f"study={study}"]


# ------------------------------------------------------------------------------- kill -9


def until(condition, seconds=120.0, every=0.02):
    end = time.monotonic() + seconds
    while not (actual := condition()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(every)
    return actual


def kept(study):
    return list((study / "checkpoints").glob("*.npz"))


def marks(study):
    """Return what each checkpoint and each part changes."""
    actual = set()
    for path in (*kept(study), *(study / "runs").glob("*.parquet")):
        with contextlib.suppress(FileNotFoundError):
            actual.add((path.name, path.stat().st_mtime_ns))
    return actual


def done(study, steps):
    """Return the steps on disk of each run, in checkpoints and of those that have ended."""
    actual = Counter(dict.fromkeys(Store(study).statuses(), steps))
    for path in kept(study):
        about, _ = archive.read(path)
        actual |= Counter(
            dict.fromkeys(about["runs"], about["steps_taken"])
        )  # the larger of the two
    return actual


def killed_while_it_trains(begin, study, steps, seconds, kills):
    """Kill a sweep several times, at random moments after it made progress; work only grows.

    Args:
        begin: Starts it and returns its process.
        study: Its folder.
        steps: Steps of each run.
        seconds: How long the whole training takes; the last kill is within half of it.
        kills: How often it is killed.
    """
    moments = random.Random(0)
    shares = [moments.random() for _ in range(kills)]
    before, checkpoints = Counter(), 0
    for number, share in enumerate(shares):
        there = marks(study)
        process = begin()
        until(lambda there=there: marks(study) - there, every=0.003)
        time.sleep(0.5 * seconds * share / sum(shares))
        # All at once, or the main process alone: its workers find out by themselves.
        (os.killpg if moments.random() < 0.5 else os.kill)(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, (
            f"it ended before it was killed for the {number + 1}th time"
        )
        now = done(study, steps)
        assert now >= before and now.total() > before.total()
        before, checkpoints = now, checkpoints + bool(kept(study))
    assert checkpoints >= 0.75 * kills


@pytest.mark.parametrize(
    ("overrides", "steps", "workers", "kills"),
    [
        pytest.param(SINGLES, 3000, (0, 0), 3, id="eager", marks=pytest.mark.slow),
        pytest.param(SINGLES, 4000, (0, 2), 20, id="eager, 20 kills", marks=pytest.mark.slow),
        pytest.param(
            FUSED, 20000, (1, 2), 20, id="fused", marks=[pytest.mark.slow, needs_compiler]
        ),
    ],
)
def test_killed_at_random_moments(overrides, steps, workers, kills, commands, results):
    """Nothing is lost, doubled, or different from a sweep never killed, with other workers."""
    overrides = [*overrides, f"steps={steps}", "checkpoint_every=0.01"]
    once, again = ([*overrides, f"workers={n}"] for n in workers)
    assert commands.run(*sweep(results, "compiles", [*once, "steps=1"])) == 0
    began = time.monotonic()
    assert commands.run(*sweep(results, "whole", once)) == 0
    seconds = (time.monotonic() - began) / max(workers[1], 1)

    def begin():
        return commands.start(*sweep(results, "killed", again))

    killed_while_it_trains(begin, results / "killed", steps, seconds, kills)
    assert commands.run(*sweep(results, "killed", again)) == 0
    assert_same_bits(results / "killed", results / "whole")


@pytest.mark.parametrize("stride", [14, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_every_write(stride, commands, results):
    """Before each flush, rename and removal of a small sweep, checkpoints among them."""
    overrides = [*SMALL, "steps=80", "eval.every_steps=40", "engine=eager", "workers=0", "seed=0,1"]
    overrides.append("checkpoint_every=1e-9")
    assert commands.run(*sweep(results, "whole", overrides)) == 0
    call, code = 0, -signal.SIGKILL
    while code != 0:
        call += stride
        code = commands.run(*sweep(results, f"s{call}", overrides), kill_at=call)
        assert code in (0, -signal.SIGKILL)
        assert commands.run(*sweep(results, f"s{call}", overrides)) == 0
        assert_same_bits(results / f"s{call}", results / "whole")
    assert call > 30


def test_killed_while_parts_are_merged(results, commands, monkeypatch):
    """At every write of the merge: each row is there, once."""
    monkeypatch.setattr("adamcmp.storage.compaction.COMPACT_AT", 10**6)
    adamcmp.sweep([*SMALL, "steps=1", "seed=range(8)", "study=many", "engine=eager"])
    row, metrics = adamcmp.load("many").runs.iloc[0], adamcmp.load("many").metrics
    store = Store(results / "many")
    table = reader.read_runs(results / "many").to_pylist()[0]
    for number in range(40):
        store.append([{**table, "run_id": f"{number:016x}"}], [])
    assert len(reader.part_names(results / "many")) > 40
    overrides = [*SMALL, "steps=1", "seed=range(9)", "engine=eager", "workers=0"]
    call, code = 0, -signal.SIGKILL
    while code != 0:
        call += 13
        shutil.rmtree(results / "copy", ignore_errors=True)
        shutil.copytree(results / "many", results / "copy")
        code = commands.run(*sweep(results, "copy", overrides), kill_at=call)
        runs, actual = reader.load(results / "copy")
        assert len(runs) in (48, 49) and runs["run_id"].is_unique
        assert set(metrics["run_id"]) <= set(actual["run_id"])
    assert row["run_id"] in set(runs["run_id"]) and len(reader.part_names(results / "copy")) < 10
    tables(results / "copy")


def test_a_reader_beside_one_that_merges(results, monkeypatch):
    """A part that was listed and is gone is no damage."""
    adamcmp.sweep([*SMALL, "steps=1", "seed=range(3)", "study=s", "engine=eager"])
    monkeypatch.setattr("adamcmp.storage.compaction.COMPACT_AT", 2)
    monkeypatch.setattr("adamcmp.execution.scheduler.FLUSH_SECONDS", 0.0)
    read = reader.read_part
    merged = []

    def merging(folder, table, name, columns=None):
        if not merged and table == "metrics":
            merged.append(True)
            row = reader.read_runs(results / "s").to_pylist()[0]
            for number in range(4):
                Store(results / "s").append([{**row, "run_id": f"{number:016x}"}], [])
        return read(folder, table, name, columns)

    monkeypatch.setattr(reader, "read_part", merging)
    runs, metrics = reader.load(results / "s")
    assert merged and len(runs) == 7 and metrics["run_id"].nunique() == 3


def start(*overrides, **options):
    """Start a command as a user does, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "adamcmp", *overrides],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def children(pid):
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


LONG = [*SMALL, "seed=0,1,2,3", "steps=1200", "eval.every_steps=500", "engine=eager"]
TWO = ["workers=2", "checkpoint_every=0.05"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, commands):
    """The study of LONG, made in one go by one process."""
    results = tmp_path_factory.mktemp("whole")
    assert commands.run(*sweep(results, "whole", [*LONG, "workers=0"])) == 0
    return results / "whole"


def test_workers_killed_with_their_parent_and_without(results, whole):
    """The main process alone: no worker outlives it. One worker: its run is tried again."""
    overrides = sweep(results, "s", [*LONG, *TWO])
    with start(*overrides) as process:
        until(lambda: kept(results / "s"))
        workers = children(process.pid)
        assert len(workers) == 2
        process.kill()
    until(lambda: not any(alive(worker) for worker in workers), 30)
    with start(*overrides) as process:
        until(lambda: len(children(process.pid)) == 2 and process_statuses(results / "s"))
        time.sleep(random.Random().uniform(0, 2))
        os.kill(children(process.pid)[0], signal.SIGKILL)
        assert process.wait() == 0, process.stderr.read()
        process.communicate()
    assert_same_bits(results / "s", whole)


@pytest.mark.parametrize(
    ("number", "to"),
    [
        (signal.SIGINT, "group"),
        pytest.param(signal.SIGTERM, "group", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "main", marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, "group", marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, "worker", marks=pytest.mark.slow),
    ],
)
def test_signals(number, to, results, whole):
    """They reach the whole group of processes (Ctrl-C), the main process, or a worker alone."""
    overrides = sweep(results, "s", [*LONG, "workers=2", "checkpoint_every=100"])
    with start(*overrides) as process:
        # Not before both train; a checkpoint is kept then though none was due.
        until(lambda: len(children(process.pid)) == 2 and process_statuses(results / "s"))
        time.sleep(0.3)
        if to == "group":
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid if to == "main" else children(process.pid)[0], number)
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    if to == "worker":
        assert process.returncode == 0
    else:
        assert process.returncode == 128 + number, err
        assert "run the same command again to continue" in err and not out
        assert not process_statuses(results / "s")
        with start(*overrides) as process:
            assert process.wait() == 0, process.stderr.read()
            process.communicate()
    assert_same_bits(results / "s", whole)


USER_MODEL = """
import os, signal, sys, time
from pathlib import Path
import torch
from adamcmp.platform.random_streams import stream_seed

class Net(torch.nn.Linear):
    def __init__(self, inputs, outputs, how):
        super().__init__(inputs[0], outputs)
        self.how = how
        print("made by the user's own code")

    def forward(self, x):
        if self.training and torch.initial_seed() == stream_seed(1, "global", 3):
            getattr(self, self.how)()
        return super().forward(x)

    def killed(self):
        if "GOOD" not in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)

    def killed_at_a_checkpoint(self):
        os.fsync = lambda file: os.kill(os.getpid(), signal.SIGKILL)

    def leaves(self):
        sys.exit(0)

    def memory(self):
        raise torch.OutOfMemoryError("out of memory")

    def sleeps(self):
        Path("asleep").touch()
        time.sleep(300)
"""


@pytest.fixture
def user_model(tmp_path):
    (tmp_path / "ownnet.py").write_text(USER_MODEL)
    return [
        *(*SMALL, "steps=9", "model=custom", "model.target=ownnet.Net"),
        *("study=s", "engine=eager", "workers=2"),
    ]


def test_a_worker_killed_as_it_writes_a_checkpoint(user_model, results):
    overrides = [
        "sweep",
        *user_model,
        "seed=0,1",
        "+model.how=killed_at_a_checkpoint",
        "checkpoint_every=1e-9",
    ]
    with start(*overrides, "--json") as process:
        out, err = process.communicate()
    assert (json.loads(out)["done"], json.loads(out)["failed"]) == (1, 1), err
    runs, _ = tables(results / "s")  # nothing of the file that it wrote is left
    assert runs["error"].str.contains("signal 9").sum() == 1


def test_a_run_that_kills_its_worker(user_model, results):
    overrides = ["sweep", *user_model, "seed=0,1,2", "+model.how=killed"]
    with start(*overrides, "--json") as process:
        out, err = process.communicate()
    assert process.returncode == 1 and "Traceback" not in err
    counts = json.loads(out)  # what the user's own code prints is not in it
    assert (counts["done"], counts["failed"]) == (2, 1)
    assert "made by the user's own code" in err
    failed = adamcmp.load("s").runs.set_index("seed").loc[1]
    assert failed["status"] == "failed" and "killed by signal 9" in failed["error"]
    with start(*overrides) as process:
        process.communicate()
    assert process.returncode == 1  # nothing to do, and still something that failed
    with start(*overrides, "--retry-failed", env=os.environ | {"GOOD": "1"}) as process:
        out, err = process.communicate()
    assert process.returncode == 0 and "(1 newly trained): 3 done" in out, err
    tables(results / "s")


@pytest.mark.parametrize(
    ("how", "error"),
    [
        pytest.param("leaves", "exit code 0", marks=pytest.mark.slow),
        ("memory", "out of memory"),
    ],
)
def test_a_run_that_cannot_be_trained(user_model, how, error, results):
    with start("sweep", *user_model, "seed=0,1,2", f"+model.how={how}") as process:
        out, err = process.communicate()
    assert process.returncode == 1 and "2 done, 1 failed" in out
    assert err.count("failed: ") == 1 and error in err and "--retry-failed" in err
    tables(results / "s")


def test_a_second_signal_ends_it_at_once(user_model, tmp_path):
    with start("sweep", *user_model, "seed=0,1,2", "+model.how=sleeps") as process:
        until((tmp_path / "asleep").exists)
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=15)
    assert process.returncode == 130 and "Traceback" not in err


def test_what_a_model_prints_is_not_the_summary(user_model, capsys):
    assert main(["run", *user_model, "seed=3", "+model.how=leaves", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "done"
    assert "made by the user's own code" in captured.err


# --------------------------------------------------------------------------- crashed groups


@pytest.fixture
def fused(monkeypatch):
    """Groups of lanes without a compiler."""
    monkeypatch.setattr(RunSpec, "fuses", True)
    monkeypatch.setattr(CostModel, "width", lambda self, specs: 8)


@pytest.fixture
def crashing(fused, monkeypatch):
    """Groups crash if `when` says so; otherwise their lanes are trained one by one, for speed."""
    run = loop.GroupTraining.run

    def crash_or_run(self):
        crashing.widths.append(self.width)
        if crashing.when([run.spec.config.protocol.seed for run in self.runs]):
            raise crashing.error
        alone = [run(loop.GroupTraining(LaneGroup((r.spec,)), self.report)) for r in self.runs]
        return Done([r for d in alone for r in d.runs], [m for d in alone for m in d.metrics])

    crashing = SimpleNamespace(widths=[], when=lambda seeds: False, error=None)
    monkeypatch.setattr(loop.GroupTraining, "run", crash_or_run)
    return crashing


EIGHT = [*SMALL, "model=logistic", "seed=range(16)", "steps=2", "study=s", "engine=eager"]


def test_a_crashed_group_is_halved_down_to_the_lane(crashing, results, capsys):
    crashing.when, crashing.error = lambda seeds: 3 in seeds, ValueError("in my own model")
    assert main(["sweep", *EIGHT]) == 1
    assert crashing.widths == [8, 4, 2, 2, 1, 1, 4, 8]
    runs = adamcmp.load("s").runs.set_index("seed")
    assert runs["status"].value_counts().to_dict() == {"done": 15, "failed": 1}
    assert runs.loc[3, "error"].startswith("ValueError: in my own model\n\nTraceback")
    assert runs.loc[3, "run_id"] in capsys.readouterr().err
    crashing.when = lambda seeds: False
    assert main(["sweep", *EIGHT]) == 1 and len(crashing.widths) == 8  # only with --retry-failed
    assert main(["sweep", *EIGHT, "--retry-failed"]) == 0
    assert crashing.widths[8:] == [1]
    tables(results / "s")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory.")])
def test_out_of_memory_halves_the_group(crashing, error, results):
    crashing.when, crashing.error = lambda seeds: len(seeds) > 2, error
    assert main(["sweep", *EIGHT]) == 0
    assert crashing.widths == [8, 4, 2, 2, 4, 2, 2] * 2
    assert (adamcmp.load("s").runs["status"] == "done").all()


# ------------------------------------------------------------------------------ checkpoints


def begun(specs, overrides, store, steps, width=None):
    """Train the first group of a study's runs for some steps, and leave it at its checkpoint."""
    planned = specs(overrides)
    group = LaneGroup(tuple(planned[:width]), width is not None)
    path = store.checkpoints.path(spec.run_id for spec in group.specs)
    path.parent.mkdir(parents=True, exist_ok=True)
    taken = []

    def stopping():
        return len(taken) and taken[-1] >= steps

    outcome = train_group(
        group, lambda p: taken.append(p.step), TrainTask(group, path, 1e9), stopping
    )
    assert isinstance(outcome, Stopped) and path.exists()
    return path


def trained(monkeypatch):
    """Return a list of the lane-steps that are taken from now on."""
    counts = []
    steps = loop.Lanes.steps

    def counted(self, chunk, count):
        counts.append(count * len(self.seeds))
        return steps(self, chunk, count)

    monkeypatch.setattr(loop.Lanes, "steps", counted)
    return counts


ONE = [*SMALL, "steps=300", "eval.every_steps=70", "engine=eager"]


@pytest.mark.parametrize("extra", [[], ["optimizer=torch", "optimizer.target=torch.optim.RAdam"]])
@pytest.mark.parametrize("steps", [64, 70, 140, 290])
def test_going_on_from_a_checkpoint(extra, steps, specs, results, monkeypatch):
    overrides = [*ONE, *extra]
    adamcmp.run([*overrides, "study=whole"])
    (results / "s").mkdir()
    begun(specs, overrides, Store(results / "s"), steps)
    counts = trained(monkeypatch)
    adamcmp.run([*overrides, "study=s"])
    assert sum(counts) <= 300 - steps
    assert_same_bits(results / "s", results / "whole")


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b[: len(b) // 2], lambda b: b[:-1], lambda b: bytes(len(b)), flipped,
     lambda b: b"\x80\x04cos\nsystem\n."],
    ids=["empty", "truncated", "last byte", "zeroed", "one bit", "pickle"],
)  # fmt: skip
def test_a_damaged_checkpoint_starts_its_runs_anew(damage, specs, results, caplog):
    adamcmp.run([*ONE, "study=whole"])
    (results / "s").mkdir(parents=True)
    path = begun(specs, ONE, Store(results / "s"), 140)
    path.write_bytes(damage(path.read_bytes()))
    adamcmp.run([*ONE, "study=s"])
    assert f"{path} is damaged" in caplog.text and "start from the beginning" in caplog.text
    assert_same_bits(results / "s", results / "whole")


def test_every_flipped_bit_of_a_checkpoint_is_found(specs, results):
    (results / "s").mkdir(parents=True)
    store = Store(results / "s")
    path = begun(specs, [*ONE, "model.width=2"], store, 64)
    content = path.read_bytes()
    for place in range(0, len(content), 53):
        path.write_bytes(content[:place] + bytes([content[place] ^ 2]) + content[place + 1 :])
        assert checkpoint.read(path) is None


def test_a_checkpoint_of_another_version(specs, results, monkeypatch, caplog):
    adamcmp.run([*ONE, "study=whole"])
    (results / "s").mkdir(parents=True)
    with monkeypatch.context() as other:
        other.setattr("adamcmp.storage.archive.FORMAT_VERSION", 99)
        begun(specs, ONE, Store(results / "s"), 140)
    adamcmp.run([*ONE, "study=s"])
    assert "another version" in caplog.text
    assert_same_bits(results / "s", results / "whole")


def test_lanes_go_on_from_a_checkpoint_of_more(specs, fused, results, monkeypatch):
    """Halves of a group whose worker was killed, one lane of it diverged: only what is left."""
    overrides = [*ONE, "model=logistic", "seed=0,1", "lr=1e-3,1e9,3e-3"]
    adamcmp.sweep([*overrides, "study=whole"])
    assert (adamcmp.load("whole").runs["status"] == "diverged").sum() == 2
    (results / "s").mkdir(parents=True)
    begun(specs, overrides, Store(results / "s"), 140, width=6)
    counts = trained(monkeypatch)
    adamcmp.sweep([*overrides, "seed=1", "study=s"])
    assert sum(counts) <= 2 * (300 - 140)
    adamcmp.sweep([*overrides, "study=s"])
    assert sum(counts) <= 4 * (300 - 140)
    assert_same_bits(results / "s", results / "whole")


def test_force_trains_from_the_first_step(specs, results, monkeypatch):
    """A checkpoint that a killed process left of runs that had ended is not gone on from."""
    adamcmp.run([*ONE, "study=s"])
    begun(specs, ONE, Store(results / "s"), 140)
    counts = trained(monkeypatch)
    adamcmp.run([*ONE, "study=s"], force=True)
    assert sum(counts) == 300
    begun(specs, ONE, Store(results / "s"), 140)
    adamcmp.run([*ONE, "study=s"])
    tables(results / "s")


def test_a_study_that_was_moved(specs, results, tmp_path, monkeypatch):
    adamcmp.run([*ONE, "study=whole"])
    adamcmp.run([*ONE, "seed=7", "study=s"])
    begun(specs, ONE, Store(results / "s"), 140)
    (tmp_path / "elsewhere").mkdir()
    (results / "s").rename(tmp_path / "elsewhere" / "t")
    counts = trained(monkeypatch)
    adamcmp.run([*ONE, "study=t", "results=elsewhere"])
    assert sum(counts) == 300 - 140
    assert len(adamcmp.load("t", "elsewhere").runs) == 2


def test_a_study_that_is_moved_while_it_trains(results, tmp_path, monkeypatch, capsys):
    poll = Serial.poll

    def moving(self, *callbacks):
        if callbacks and (results / "s").exists():  # while it trains, not while it checks
            (results / "s").rename(tmp_path / "moved")
        return poll(self, *callbacks)

    monkeypatch.setattr(Serial, "poll", moving)
    assert main(["run", *ONE, "study=s"]) == 2
    assert "Was it moved" in capsys.readouterr().err and not (results / "s").exists()


def test_a_full_disk_while_a_checkpoint_is_kept(results, monkeypatch, capsys):
    real = os.fsync

    def full(fd):
        if "checkpoints/.tmp" in os.readlink(f"/proc/self/fd/{fd}"):  # noqa: PTH115
            raise OSError(28, "No space left on device")
        return real(fd)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        assert main(["run", *ONE, "study=s", "checkpoint_every=1e-9"]) == 2
    err = capsys.readouterr().err
    assert "No space left on device" in err and "Traceback" not in err
    assert not list(results.rglob(".tmp-*"))
    assert main(["run", *ONE, "study=s"]) == 0
    tables(results / "s")


def test_a_clock_that_jumps_back(results, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 1e6 * time.monotonic())
    adamcmp.sweep([*ONE, "seed=0,1", "study=s", "checkpoint_every=1e-9"])
    assert adamcmp.load("s").runs["wall_time_s"].between(0, 600).all()


# ---------------------------------------------------------------------- two sweeps at once


def test_two_sweeps_share_the_work(commands, results):
    overrides = [*SINGLES, *ALONE]
    assert commands.run(*sweep(results, "whole", overrides)) == 0
    seeds = ("seed=0,1", "seed=1,2,0")
    processes = [commands.start(*sweep(results, "both", [*overrides, w])) for w in seeds]
    assert {p.wait() for p in processes} <= {0, 1}  # 1 if the other one trains some
    assert commands.run(*sweep(results, "both", overrides)) == 0
    assert_same_bits(results / "both", results / "whole")


def test_what_a_killed_sweep_had_claimed_is_free_at_once(commands, results, capsys):
    """A second sweep reports a live one; after kill -9 it takes over its runs and their steps."""
    overrides = [*SINGLES, "steps=20000", "workers=0", "checkpoint_every=0.05"]
    process = commands.start(*sweep(results, "s", overrides))
    until(lambda: kept(results / "s"))
    assert main([*sweep(results, "s", overrides), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["elsewhere"] == 6
    assert main(["ls", "s"]) == 0
    assert "s: 0 of 6 runs trained" in capsys.readouterr().out
    assert main(["ls"]) == 0
    assert f"(process {process.pid} on " in capsys.readouterr().out
    process.kill()
    process.wait()
    assert process_statuses(results / "s") == []
    with reserve(results / "s", ["a"]) as ours:
        assert ours.only_process and ours.run_ids == {"a"}
    assert sorted(p.name for p in (results / "s" / "claims").iterdir()) == [".lock"]
