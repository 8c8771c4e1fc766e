"""Trackers: what they write is read with the library of each."""

import json
import struct
import sys
from importlib.metadata import version

import numpy as np
import pytest

from adamcmp.cli import main
from adamcmp.components.trackers.mlflow import database_uri
from adamcmp.components.trackers.none import NoTracker
from adamcmp.components.trackers.tensorboard import TensorBoard
from adamcmp.config import study_name
from adamcmp.errors import ConfigError
from tests.support.studies import THREE_STEPS
from tests.support.tracked import (
    OVERRIDES,
    evaluations,
    event_files,
    journal,
    measured,
    stored_rows,
    write_all,
)

#: Versions whose undocumented parts were run: TensorBoard's protocol buffers and HParams plugin,
#: and the settings of W&B that begin with ``x_``.
VERSIONS_RUN = {"tensorboard": {"2.21"}, "wandb": {"0.31"}}


@pytest.mark.parametrize("package", VERSIONS_RUN)
def test_this_version_of_the_library_was_run(package):
    installed = version(package).rpartition(".")[0]
    assert installed in VERSIONS_RUN[package], "run the tests of this file, then add it"


def test_tensorboard(tracked_study):
    from tensorboard.plugins.hparams import api_pb2, metadata

    assert write_all(tracked_study, TensorBoard(name="tensorboard")) is None
    boards = event_files(tracked_study)
    assert len(boards) == 4
    for run_id, row in stored_rows(tracked_study).items():
        name = f"{run_id[:8]}_sgd_lr={row['lr']:g}_wd=0_seed={row['seed']}"
        board, points = boards[name], evaluations(tracked_study, run_id)
        for column in {c for at in points for c in measured(at)}:
            expected = [
                (at["step"], np.float32(at[column])) for at in points if at[column] is not None
            ]
            read = [(event.step, np.float32(event.value)) for event in board.Scalars(column)]
            np.testing.assert_equal(read, expected)
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


@pytest.mark.parametrize("name", ["plain", "a?b=c", "100%20", "b ü#c"])
def test_the_database_of_mlflow_is_in_a_folder_of_any_name(tmp_path, name):
    from sqlalchemy import make_url

    uri = database_uri(tmp_path / name / "mlflow.db")
    assert make_url(uri).database == str(tmp_path / name / "mlflow.db")
    assert not make_url(uri).query


@pytest.mark.slow  # MLflow is imported and makes its database in 15 seconds
@pytest.mark.filterwarnings(
    "ignore:The ``noload`` loader:DeprecationWarning"
)  # raised within MLflow
def test_mlflow(tracked_study, monkeypatch, capfd):
    """A second command adds no run; a command that trains a run again replaces it."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert main(["sweep", *OVERRIDES, "logger=mlflow"]) == 1  # one has crashed
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{tracked_study}/tracker/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("s")

    def read():
        actual = client.search_runs([experiment.experiment_id])
        return {run.data.tags["adamcmp.run_id"]: run for run in actual}

    runs = read()
    assert len(client.search_runs([experiment.experiment_id])) == 4 == len(runs)
    for run_id, row in stored_rows(tracked_study).items():
        run = runs[run_id]
        assert run.info.run_name == f"{run_id[:8]} sgd lr={row['lr']:g} wd=0 seed={row['seed']}"
        assert run.info.status == ("FAILED" if row["status"] == "failed" else "FINISHED")
        assert run.data.tags["adamcmp.status"] == row["status"]
        assert run.data.params["optimizer.coupling"] == "l2"
        assert float(run.data.params["optimizer.lr"]) == row["lr"]
        points = evaluations(tracked_study, run_id)
        history = {}
        for column in {c for at in points for c in measured(at)}:
            for event in client.get_metric_history(run.info.run_id, column):
                history.setdefault(event.step, {})[column] = event.value
        assert history == {at["step"]: measured(at) for at in points}
    (crashed,) = (run for run in runs.values() if run.info.status == "FAILED")
    assert crashed.data.tags["adamcmp.error"] == "ValueError: no luck"

    main(["sweep", *OVERRIDES, "logger=mlflow"])
    assert read().keys() == runs.keys() and len(journal(tracked_study, "mlflow")) == 4
    assert main(["sweep", *OVERRIDES, "logger=mlflow", "--retry-failed"]) == 0
    again = read()
    assert len(client.search_runs([experiment.experiment_id])) == 4
    changed = {i for i in runs if again[i].info.run_id != runs[i].info.run_id}
    assert changed == {crashed.data.tags["adamcmp.run_id"]}
    assert all(run.info.status == "FINISHED" for run in again.values())
    assert "mlflow" not in capfd.readouterr().err.replace("logger=mlflow", "")


def records(path):
    """Yield the records of a run's log: LevelDB's framing around the library's messages."""
    from wandb.proto import wandb_internal_pb2

    content, at, joined = path.read_bytes(), 7, b""
    while at < len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[at : at + 7])
        joined += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a complete record, or the last fragment of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(joined)
            yield record
            joined = b""


@pytest.mark.slow  # W&B starts a process
def test_wandb(tracked_study, monkeypatch, capfd):
    """Offline by default; settings, group and every number are in the run's log."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    for _ in range(2):
        assert main(["sweep", *OVERRIDES, "logger=wandb"]) == 1
    logs = list((tracked_study / "tracker" / "wandb" / "wandb").glob("offline-run-*/*.wandb"))
    assert len(logs) == 4
    actual = stored_rows(tracked_study)
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
        assert history == {
            at["step"]: measured(at) for at in evaluations(tracked_study, row["run_id"])
        }
        summary = {
            (item.key or item.nested_key[0]): json.loads(item.value_json)
            for record in kinds["summary"]
            for item in record.summary.update
        }
        assert summary["status"] == row["status"]
        assert kinds["exit"][0].exit.exit_code == (row["status"] == "failed")
    assert "wandb" not in capfd.readouterr().err.replace("logger=wandb", "")


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_library_is_refused_before_training(name, monkeypatch, capsys, results):
    monkeypatch.setitem(sys.modules, name, None)
    for command in ("run", "sweep"):
        assert main([command, *THREE_STEPS, f"logger={name}"]) == 2
        message = (
            f"adamcmp: logger={name} needs the package {name}: pip install 'adamcmp[{name}]'\n"
        )
        assert capsys.readouterr().err == message
    assert main(["sweep", *THREE_STEPS, f"logger={name}", "--dry-run"]) == 2
    assert not results.exists()


def test_an_old_library_is_refused():
    """With an older pyarrow, pip installs an MLflow of 2022."""

    class Newer(NoTracker):
        needs = ("pytest", 1000)

    installed = version("pytest")
    with pytest.raises(ConfigError) as error:
        Newer(name="newer").check()
    assert str(error.value) == (
        f"logger=newer needs pytest 1000 or newer, not {installed}: pip install 'adamcmp[newer]'"
    )


def test_the_logger_does_not_change_run_ids(composer):
    plain, watched = (
        composer.sweep([*THREE_STEPS, "seeds=2", *extra]) for extra in ([], ["logger=wandb"])
    )
    assert [run.identity() for run in plain.runs] == [run.identity() for run in watched.runs]
    assert watched.tracker.name == "wandb" and plain.tracker.name == "none"
    assert watched.location == plain.location  # named after the same overrides
    names = {
        study_name(composer.parse([*THREE_STEPS, *extra])) for extra in ([], ["logger=mlflow"])
    }
    assert len(names) == 1


def test_no_tracker_writes_nothing(tmp_path):
    assert list(NoTracker(name="none").write(tmp_path, [])) == [] and not list(tmp_path.iterdir())
