"""MLflow."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from adamcmp.components.trackers._base import TrackedRun, Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

T = TypeVar("T")

#: Items per call; MLflow's API accepts at most 1,000, of which at most 100 parameters.
MAX_METRICS, MAX_PARAMS = 900, 100
#: The tag that identifies a run.
TAG = "adamcmp.run_id"


class MLflow(Tracker):
    """Runs of an experiment named after the study.

    They are written to ``MLFLOW_TRACKING_URI``; by default to ``mlflow.db`` in the study's folder.
    """

    needs = ("mlflow", 3)

    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """See `Tracker.write`."""
        # MLflow sends usage data by default; nothing leaves the machine unless the user enables it.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):  # hides messages on a new database
            logging.getLogger(name).setLevel(logging.ERROR)
        uri = os.environ.get("MLFLOW_TRACKING_URI")
        client = MlflowClient(uri or database_uri(folder / "mlflow.db"))
        artifacts = None if uri else (folder / "artifacts").resolve().as_uri()
        experiments: dict[str, str] = {}
        for run in runs:
            if run.study not in experiments:
                existing = client.get_experiment_by_name(run.study)
                experiments[run.study] = (
                    existing.experiment_id
                    if existing
                    else client.create_experiment(run.study, artifact_location=artifacts)
                )
            _write(client, experiments[run.study], run)
            yield run.run_id


def database_uri(file: Path) -> str:
    """Return the URI of an SQLite database, whatever characters its path contains.

    For ``sqlite:`` without the driver, MLflow would create the folder of the quoted path.

    >>> database_uri(Path("/results/100%?/mlflow.db"))
    'sqlite+pysqlite:////results/100%25%3F/mlflow.db'
    """
    return f"sqlite+pysqlite:///{quote(str(file.resolve()))}"


def _write(client: MlflowClient, experiment: str, run: TrackedRun) -> None:
    from mlflow.entities import Param

    # A run that was trained again replaces the earlier one.
    for old in client.search_runs([experiment], f"tags.`{TAG}` = '{run.run_id}'"):
        client.delete_run(old.info.run_id)
    tags = {TAG: run.run_id, **{f"adamcmp.{k}": str(v) for k, v in run.outcome.items()}}
    began, ended = round(run.began * 1000), round(run.ended * 1000)
    created = client.create_run(experiment, began, tags, run.name)
    params = [Param(key, str(value)) for key, value in run.settings.items()]
    # As few calls as possible: each is a transaction or a request.
    batches = zip_longest(_chunks(params, MAX_PARAMS), _chunks(_metrics(run), MAX_METRICS))
    for param_batch, metric_batch in batches:
        client.log_batch(created.info.run_id, metric_batch or (), param_batch or ())
    status = "FAILED" if run.failed else "FINISHED"
    client.set_terminated(created.info.run_id, status, ended)


def _metrics(run: TrackedRun) -> list[Metric]:
    from mlflow.entities import Metric

    metrics = [
        Metric(name, value, round(evaluation.time * 1000), evaluation.step)
        for evaluation in run.evaluations
        for name, value in evaluation.values.items()
    ]
    step: Any = run.outcome.get("best_step", 0)
    return metrics + [Metric(k, v, round(run.ended * 1000), step) for k, v in run.best.items()]


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[i : i + size] for i in range(0, len(items), size))
