"""The tracking process: its failures cost no run."""

import os
import shutil
import socket
import time

from adamcmp.cli import main
from adamcmp.components.trackers.tensorboard import TensorBoard
from adamcmp.config import Composer
from adamcmp.planning.specs import run_specs
from adamcmp.storage import reader
from adamcmp.storage.store import Store
from adamcmp.tracking import process
from adamcmp.tracking.process import TrackingProcess
from tests.support.toy_tasks import refused_with_a_password
from tests.support.tracked import OVERRIDES, journal

BOARD = TensorBoard(name="tensorboard")


def measured(folder):
    """Return the metrics of a study without times, by run and step."""
    table = reader.read_metrics(folder).drop_columns(["wall_time_s"]).to_pylist()
    return sorted(table, key=lambda m: (m["run_id"], m["step"]))


def test_a_logger_that_cannot_start_costs_no_run(tracked_study, results, caplog):
    """A file is in the way of its folder: reported once, written to the journal; the same bits."""
    overrides = [*OVERRIDES[:-1], "study=t"]
    tracker = results / "t" / "tracker"
    tracker.mkdir(parents=True)
    (tracker / "tensorboard").write_text("no folder")
    assert main(["sweep", *overrides, "logger=tensorboard", "-q"]) == 0
    assert caplog.text.count("logger=tensorboard failed (FileExistsError: ") == 1
    assert (
        "Training is not affected. Run the same command again to write the missing runs."
        in caplog.text
    )
    (entry,) = journal(results / "t", "tensorboard")
    assert entry["error"].startswith("FileExistsError") and entry["at"]
    shutil.rmtree(tracked_study)
    assert main(["sweep", *OVERRIDES, "-q"]) == 0
    assert measured(results / "t") == measured(tracked_study)
    (tracker / "tensorboard").unlink()
    assert main(["sweep", *overrides, "logger=tensorboard", "-q"]) == 0
    # Including the runs that the tracker lacked.
    assert len(list((tracker / "tensorboard").iterdir())) == 4


def test_a_server_that_does_not_answer(tracked_study, monkeypatch, caplog):
    """The command ends all the same, and says so."""
    monkeypatch.setattr(process, "TIMEOUT", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert main(["sweep", *OVERRIDES, "logger=mlflow", "-q"]) == 1
    assert "it accepted no run within 1 s" in caplog.text
    assert journal(tracked_study, "mlflow")[0]["error"] == "it accepted no run within 1 s."


def test_errors_name_no_password(tracked_study, monkeypatch, caplog):
    monkeypatch.setattr(process, "write_runs", refused_with_a_password)
    tracker = TrackingProcess(BOARD, tracked_study)
    tracker.start(())
    tracker.finish()
    (entry,) = journal(tracked_study, "tensorboard")
    assert entry["error"] == "OSError: no answer from https://host:80/api"
    assert entry["error"] in caplog.text and "s3cret" not in caplog.text


def test_a_tracker_whose_process_dies(tracked_study, monkeypatch, caplog):
    monkeypatch.setattr(process, "INTERVAL", 0.0)
    monkeypatch.setattr(process, "write_runs", os._exit)  # three arguments are two too many
    tracker = TrackingProcess(BOARD, tracked_study)
    tracker.start(())
    tracker.update()
    tracker.finish()
    tracker.update()
    tracker.finish()
    assert len(caplog.records) == 1 and "The worker process ended with exit code 1" in caplog.text


def test_runs_are_written_while_others_train(tracked_study, monkeypatch):
    """Runs that are stored when a task begins are in the tracker before the command ends."""
    monkeypatch.setattr(process, "INTERVAL", 0.0)
    tracker = TrackingProcess(BOARD, tracked_study)
    config = Composer().sweep(OVERRIDES)
    tracker.start(run_specs(config, Store(tracked_study).numerics()))
    file = tracked_study / "tracker" / "tensorboard.jsonl"
    deadline = time.monotonic() + 60
    try:
        tracker.update()
        while not file.exists() or len(journal(tracked_study, "tensorboard")) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        tracker.close()
