"""Trackers: written by the real libraries, read back by them; what goes wrong costs no run."""

import json
import os
import shutil
import socket
import struct
import sys
import time

import numpy as np
import pytest

from adamcmp.cli import main
from adamcmp.components.trackers import _base
from adamcmp.components.trackers.tensorboard import TensorBoard
from adamcmp.config import Composer, study_name
from adamcmp.execution.execute import execute
from adamcmp.execution.scheduler import _rows
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import run_specs
from adamcmp.storage import reader
from adamcmp.storage.columns import Role, columns_with_role
from adamcmp.storage.store import Store
from adamcmp.tracking import process
from adamcmp.tracking.process import TrackingProcess
from adamcmp.tracking.worker import TrackingTask, write_runs
from adamcmp.training.outcome import Failed

#: Columns that name a row; everything else is measured.
KEY = columns_with_role(Role.IDENTITY, table="metrics")
SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50", "steps=4"]
#: Two runs that end, two that diverge; one of those that would end crashes in `trained`.
WORDS = [*SMALL, "eval.every_steps=2", "optimizer=sgd", "lr=1e-2,1e30", "seeds=2", "study=s"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A study trained without a logger; one of its runs has crashed."""
    root = tmp_path_factory.mktemp("made")
    config = Composer().sweep([*WORDS, f"results={root}", "workers=0"])
    execute(config)
    store = Store(root / "s")
    (spec,) = (
        s
        for s in run_specs(config, store.numerics())
        if (s.config.protocol.seed, s.config.optimizer.lr) == (1, 0.01)
    )
    crashed = Failed("ValueError: no luck", (spec.run_id,), "Traceback: …")
    store.append(*_rows(LaneGroup((spec,)), crashed, "s"))
    return root / "s"


@pytest.fixture
def trained(made, results):
    return shutil.copytree(made, results / "s")


def rows(folder):
    return {row["run_id"]: row for row in reader.read_runs(folder).to_pylist()}


def along(folder, run_id):
    table = reader.read_metrics(folder).to_pylist()
    return sorted((m for m in table if m["run_id"] == run_id), key=lambda m: m["step"])


def measured(at):
    return {k: v for k, v in at.items() if k not in KEY and v is not None}


def mirrored(folder, logger):
    """Mirror a whole study in this process; return what went wrong."""
    task = TrackingTask(logger, folder, frozenset(rows(folder)))
    return write_runs(task, lambda message: None, lambda: False)


def noted(folder, name):
    lines = (folder / "tracker" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


BOARD = TensorBoard(name="tensorboard")


class TestTensorBoard:
    def read(self, folder):
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        actual = {}
        for place in (folder / "tracker" / "tensorboard").iterdir():
            actual[place.name] = EventAccumulator(str(place), size_guidance={"scalars": 0})
            actual[place.name].Reload()
        return actual

    def test_holds_every_number_and_setting(self, trained):
        from tensorboard.plugins.hparams import api_pb2, metadata

        assert mirrored(trained, BOARD) is None
        boards = self.read(trained)
        assert len(boards) == 4
        for run_id, row in rows(trained).items():
            name = f"{run_id[:8]}_sgd_lr={row['lr']:g}_wd=0_seed={row['seed']}"
            board, points = boards[name], along(trained, run_id)
            for column in {c for at in points for c in measured(at)}:
                wanted = [
                    (at["step"], np.float32(at[column])) for at in points if at[column] is not None
                ]
                read = [(event.step, np.float32(event.value)) for event in board.Scalars(column)]
                np.testing.assert_equal(read, wanted)
            if row["status"] == "done":
                (best,) = board.Scalars("best_val_loss")
                assert (best.step, best.value) == (
                    row["best_step"],
                    pytest.approx(row["best_val_loss"]),
                )
            plugin = board.PluginTagToContent("hparams")
            start = metadata.parse_session_start_info_plugin_data(
                plugin["_hparams_/session_start_info"]
            )
            end = metadata.parse_session_end_info_plugin_data(plugin["_hparams_/session_end_info"])
            assert start.hparams["optimizer.momentum"].number_value == row["optimizer.momentum"]
            assert start.hparams["status"].string_value == row["status"]
            assert start.hparams["dataset"].string_value == "teacher"
            crashed = row["status"] == "failed"
            assert end.status == (api_pb2.STATUS_FAILURE if crashed else api_pb2.STATUS_SUCCESS)

    def test_each_run_once_and_anew_when_trained_anew(self, trained):
        mirrored(trained, BOARD)
        before = {
            name: board.Scalars("epoch")
            for name, board in self.read(trained).items()
            if board.Tags()["scalars"]
        }
        assert mirrored(trained, BOARD) is None
        assert len(noted(trained, "tensorboard")) == 4
        run_id, row = next((i, r) for i, r in rows(trained).items() if r["status"] == "done")
        again = {**row, "finished_at": "2030-01-01T00:00:00+00:00"}
        Store(trained).append([again], along(trained, run_id))
        assert mirrored(trained, BOARD) is None
        assert noted(trained, "tensorboard")[4:] == [
            {"run_id": run_id, "finished_at": again["finished_at"]}
        ]
        after = self.read(trained)
        assert {n: [e.step for e in after[n].Scalars("epoch")] for n in before} == {
            n: [e.step for e in events] for n, events in before.items()
        }

    def test_what_failed_midway_is_made_up_for(self, trained):
        """The first run is noted and not mirrored again, the rest follows."""
        order = list(rows(trained).values())
        folder = trained / "tracker" / "tensorboard"
        folder.mkdir(parents=True)
        second = order[1]
        obstacle = (
            folder / f"{second['run_id'][:8]}_sgd_lr={second['lr']:g}_wd=0_seed={second['seed']}"
        )
        obstacle.write_text("no folder")
        assert mirrored(trained, BOARD).startswith("NotADirectoryError")
        assert [entry["run_id"] for entry in noted(trained, "tensorboard")] == [order[0]["run_id"]]
        with (trained / "tracker" / "tensorboard.jsonl").open("a") as file:
            file.write('{"run_id": "cut by a ki')
        obstacle.unlink()
        assert mirrored(trained, BOARD) is None
        assert len(self.read(trained)) == 4
        assert mirrored(trained, BOARD) is None


@pytest.mark.filterwarnings("ignore:The ``noload`` loader:DeprecationWarning")  # MLflow's own
def test_mlflow(trained, monkeypatch, capfd):
    """A process of its own writes; a second command adds nothing, one that trains anew replaces."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["sweep", *WORDS, "logger=mlflow"]) == 1  # one has crashed
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{trained}/tracker/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("s")

    def read():
        actual = client.search_runs([experiment.experiment_id])
        return {run.data.tags["adamcmp.run_id"]: run for run in actual}

    runs = read()
    assert len(client.search_runs([experiment.experiment_id])) == 4 == len(runs)
    for run_id, row in rows(trained).items():
        run = runs[run_id]
        assert run.info.run_name == f"{run_id[:8]} sgd lr={row['lr']:g} wd=0 seed={row['seed']}"
        assert run.info.status == ("FAILED" if row["status"] == "failed" else "FINISHED")
        assert run.data.tags["adamcmp.status"] == row["status"]
        assert run.data.params["optimizer.coupling"] == "l2"
        assert float(run.data.params["optimizer.lr"]) == row["lr"]
        points = along(trained, run_id)
        history = {}
        for column in {c for at in points for c in measured(at)}:
            for event in client.get_metric_history(run.info.run_id, column):
                history.setdefault(event.step, {})[column] = event.value
        assert history == {at["step"]: measured(at) for at in points}
    (crashed,) = (run for run in runs.values() if run.info.status == "FAILED")
    assert crashed.data.tags["adamcmp.error"] == "ValueError: no luck"

    main(["sweep", *WORDS, "logger=mlflow"])
    assert read().keys() == runs.keys() and len(noted(trained, "mlflow")) == 4
    assert main(["sweep", *WORDS, "logger=mlflow", "--retry-failed"]) == 0
    again = read()
    assert len(client.search_runs([experiment.experiment_id])) == 4
    changed = {i for i in runs if again[i].info.run_id != runs[i].info.run_id}
    assert changed == {crashed.data.tags["adamcmp.run_id"]}
    assert all(run.info.status == "FINISHED" for run in again.values())
    assert "mlflow" not in capfd.readouterr().err.replace("logger=mlflow", "")


def records(path):
    """Yield the records of a run's log: LevelDB's framing, the library's own messages."""
    from wandb.proto import wandb_internal_pb2

    content, at, joined = path.read_bytes(), 7, b""
    while at < len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        joined += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last of several
            record = wandb_internal_pb2.Record()
            record.ParseFromString(joined)
            yield record
            joined = b""


def test_wandb(trained, monkeypatch, capfd):
    """Offline without being asked; settings, group and every number are in the run's log."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    for _ in range(2):
        assert main(["sweep", *WORDS, "logger=wandb"]) == 1
    logs = list((trained / "tracker" / "wandb" / "wandb").glob("offline-run-*/*.wandb"))
    assert len(logs) == 4
    actual = rows(trained)
    for log in logs:
        kinds = {}
        for record in records(log):
            kinds.setdefault(record.WhichOneof("record_type"), []).append(record)
        (run,) = (record.run for record in kinds["run"])
        config = {item.key: json.loads(item.value_json) for item in run.config.update}
        row = actual[config["run_id"]]
        assert (run.project, run.run_group, run.run_id) == ("mine", "s", f"s-{row['run_id']}")
        assert (
            run.display_name == f"{row['run_id'][:8]} sgd lr={row['lr']:g} wd=0 seed={row['seed']}"
        )
        assert config["optimizer.momentum"] == row["optimizer.momentum"]
        history = {}
        for record in kinds.get("history", []):
            values = {i.nested_key[0]: json.loads(i.value_json) for i in record.history.item}
            history[values["_step"]] = {k: v for k, v in values.items() if k[0] != "_"}
        assert history == {at["step"]: measured(at) for at in along(trained, row["run_id"])}
        summary = {
            (item.key or item.nested_key[0]): json.loads(item.value_json)
            for record in kinds["summary"]
            for item in record.summary.update
        }
        assert summary["status"] == row["status"]
        assert kinds["exit"][0].exit.exit_code == (row["status"] == "failed")
    assert "wandb" not in capfd.readouterr().err.replace("logger=wandb", "")


def numbers(folder):
    table = reader.read_metrics(folder).drop_columns(["wall_time_s"]).to_pylist()
    return sorted(table, key=lambda m: (m["run_id"], m["step"]))


def test_a_logger_that_cannot_start_costs_no_run(trained, results, caplog):
    """Its own folder is in the way: said once, noted, the same bits as without it."""
    fresh = [word for word in WORDS if word != "study=s"]
    tracker = results / "t" / "tracker"
    tracker.mkdir(parents=True)
    (tracker / "tensorboard").write_text("no folder")
    assert main(["sweep", *fresh, "study=t", "logger=tensorboard", "-q"]) == 0
    assert caplog.text.count("logger=tensorboard failed (FileExistsError: ") == 1
    assert (
        "Training is not affected. Run the same command again to write the missing runs."
        in caplog.text
    )
    (entry,) = noted(results / "t", "tensorboard")
    assert entry["error"].startswith("FileExistsError") and entry["at"]
    shutil.rmtree(trained)
    assert main(["sweep", *WORDS, "-q"]) == 0
    assert numbers(results / "t") == numbers(trained)
    (tracker / "tensorboard").unlink()
    assert main(["sweep", *fresh, "study=t", "logger=tensorboard", "-q"]) == 0
    assert len(list((tracker / "tensorboard").iterdir())) == 4  # made up for


def test_a_server_that_does_not_answer(trained, monkeypatch, caplog):
    """The command ends all the same, and says so."""
    monkeypatch.setattr(process, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert main(["sweep", *WORDS, "logger=mlflow", "-q"]) == 1
    assert "it accepted no run within 1 s" in caplog.text
    assert noted(trained, "mlflow")[0]["error"] == "it accepted no run within 1 s."


def test_a_tracker_whose_process_dies(trained, monkeypatch, caplog):
    monkeypatch.setattr(process, "INTERVAL", 0.0)
    monkeypatch.setattr(process, "write_runs", os._exit)  # three arguments are two too many
    tracker = TrackingProcess(BOARD, trained)
    tracker.start(())
    tracker.update()
    tracker.finish()
    tracker.update()
    tracker.finish()
    assert len(caplog.records) == 1 and "The worker process ended with exit code 1" in caplog.text


def test_runs_are_written_while_others_train(trained, monkeypatch):
    """Runs that are stored when a task begins are in the tracker before the command ends."""
    monkeypatch.setattr(process, "INTERVAL", 0.0)
    tracker = TrackingProcess(BOARD, trained)
    config = Composer().sweep(WORDS)
    tracker.start(run_specs(config, Store(trained).numerics()))
    journal = trained / "tracker" / "tensorboard.jsonl"
    deadline = time.monotonic() + 60
    try:
        tracker.update()
        while not journal.exists() or len(noted(trained, "tensorboard")) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        tracker.close()


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_library_is_refused_before_training(name, monkeypatch, capsys, results):
    monkeypatch.setitem(sys.modules, name, None)
    for command in ("run", "sweep"):
        assert main([command, *SMALL, f"logger={name}"]) == 2
        said = f"adamcmp: logger={name} needs the package {name}: pip install 'adamcmp[{name}]'\n"
        assert capsys.readouterr().err == said
    assert main(["sweep", *SMALL, f"logger={name}", "--dry-run"]) == 2
    assert not results.exists()


def test_an_mlflow_of_2022_is_refused(monkeypatch, capsys, results):
    """It is what pip takes beside a pyarrow that no newer one accepts."""
    monkeypatch.setattr(_base, "package_version", lambda package: "1.27.0")
    assert main(["run", *SMALL, "logger=mlflow"]) == 2
    assert (
        "needs mlflow 3 or newer, not 1.27.0: pip install 'adamcmp[mlflow]'"
        in capsys.readouterr().err
    )
    assert not results.exists()


def test_the_choice_of_a_logger_is_no_part_of_a_run(composer):
    plain, watched = (
        composer.sweep([*SMALL, "seeds=2", *extra]) for extra in ([], ["logger=wandb"])
    )
    assert [run.identity() for run in plain.runs] == [run.identity() for run in watched.runs]
    assert watched.tracker.name == "wandb" and plain.tracker.name == "none"
    assert watched.location == plain.location  # named after the same overrides
    names = {study_name(composer.parse([*SMALL, *extra])) for extra in ([], ["logger=mlflow"])}
    assert len(names) == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            "logger=tensorbord",
            "logger=tensorbord: there is no such logger. Did you mean 'tensorboard'?",
        ),
        ("logger=wandb logger.project=x", "no setting 'logger.project'"),
    ],
)
def test_bad_overrides(overrides, message, capsys, results):
    assert main(["run", *overrides.split()]) == 2
    assert message in capsys.readouterr().err
    assert main(["sweep", "logger=mlflow,wandb"]) == 2
    assert "logger. Set each to one value." in capsys.readouterr().err
    assert not results.exists()


def test_parts_lists_them(capsys):
    assert main(["parts", "logger"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()] == [
        "logger=",
        "mlflow",
        "none",
        "tensorboard",
        "wandb",
    ]
