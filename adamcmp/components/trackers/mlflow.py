"""MLflow."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from adamcmp.components.trackers._base import TrackedRun, Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

T = TypeVar("T")

#: What MLflow takes at once; of both together no more than 1,000.
MOST_METRICS, MOST_PARAMS = 900, 100
#: The tag by which a run is found again.
TAG = "adamcmp.run_id"


class MLflow(Tracker):
    """Runs of an experiment named after the study.

    They go where ``MLFLOW_TRACKING_URI`` says, or else to ``mlflow.db`` in the study's folder.
    """

    needs = ("mlflow", 3)

    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """See `Tracker.write`."""
        # The library would report its use to its makers; nothing leaves unless the user says so.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):  # what they tell of a new database
            logging.getLogger(name).setLevel(logging.ERROR)
        remote = os.environ.get("MLFLOW_TRACKING_URI")
        client = MlflowClient(remote or f"sqlite:///{folder.resolve()}/mlflow.db")
        artifacts = None if remote else (folder / "artifacts").resolve().as_uri()
        experiments: dict[str, str] = {}
        for run in runs:
            if run.study not in experiments:
                found = client.get_experiment_by_name(run.study)
                experiments[run.study] = (
                    found.experiment_id
                    if found
                    else client.create_experiment(run.study, artifact_location=artifacts)
                )
            _write(client, experiments[run.study], run)
            yield run.run_id


def _write(client: MlflowClient, experiment: str, run: TrackedRun) -> None:
    from mlflow.entities import Param

    for old in client.search_runs([experiment], f"tags.`{TAG}` = '{run.run_id}'"):
        client.delete_run(old.info.run_id)
    tags = {TAG: run.run_id, **{f"adamcmp.{k}": str(v) for k, v in run.outcome.items()}}
    began, ended = round(run.began * 1000), round(run.ended * 1000)
    made = client.create_run(experiment, began, tags, run.name)
    params = [Param(key, str(value)) for key, value in run.settings.items()]
    # As few calls as there can be: each is a transaction, or a request.
    batches = zip_longest(_chunks(params, MOST_PARAMS), _chunks(_metrics(run), MOST_METRICS))
    for some_params, some_metrics in batches:
        client.log_batch(made.info.run_id, some_metrics or (), some_params or ())
    status = "FAILED" if run.failed else "FINISHED"
    client.set_terminated(made.info.run_id, status, ended)


def _metrics(run: TrackedRun) -> list[Metric]:
    from mlflow.entities import Metric

    found = [
        Metric(name, value, round(at.time * 1000), at.step)
        for at in run.evaluations
        for name, value in at.values.items()
    ]
    step: Any = run.outcome.get("best_step", 0)
    return found + [Metric(k, v, round(run.ended * 1000), step) for k, v in run.best.items()]


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[i : i + size] for i in range(0, len(items), size))
