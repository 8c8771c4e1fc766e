"""The ids of the jobs that were started for a plan, stored so that later commands find them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adamcmp.components.executors import ClusterSettings
from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.validation import build
from adamcmp.errors import ConfigError, StoreError
from adamcmp.execution.launchers import Launcher, launcher_of
from adamcmp.execution.queue_files import jobs_file, read_record
from adamcmp.storage.files import Files

#: The folder of a study with the files of its jobs, such as their output.
JOBS_FOLDER = "jobs"


@dataclass(frozen=True)
class LaunchedJobs:
    """The jobs of a plan.

    Attributes:
        cluster: The settings with which they were started.
        jobs: Their ids, in the order in which they were started.
    """

    cluster: ClusterSettings
    jobs: tuple[str, ...]


@dataclass(frozen=True)
class _Record:
    executor: dict[str, Any]
    jobs: tuple[str, ...]


def record_jobs(files: Files, plan: int, cluster: ClusterSettings, jobs: Sequence[str]) -> None:
    """Record all jobs that were started for a plan.

    Raises:
        OSError: If the file cannot be written.
    """
    content = {"executor": cluster.model_dump(mode="json"), "jobs": list(jobs)}
    files.replace(jobs_file(plan), json.dumps(content).encode())


def launched_jobs(files: Files, plan: int) -> LaunchedJobs | None:
    """Return the jobs that were started for a plan; None if there are none.

    Raises:
        StoreError: If their record is damaged, or has settings that this version of adamcmp lacks.
    """
    name = jobs_file(plan)
    try:
        record = read_record(files, name, _Record)
        component = CONFIG_GROUPS["executor"].component(record.executor.get("name", ""))
        cluster = build(component, record.executor, "executor")
    except FileNotFoundError:
        return None
    except ConfigError as error:
        raise StoreError(f"{files.location(name)} cannot be used: {error}") from None
    if not isinstance(cluster, ClusterSettings):
        raise StoreError(f"{files.location(name)} names an executor that starts no jobs.")
    return LaunchedJobs(cluster, record.jobs)


def remove_job_record(files: Files, plan: int) -> None:
    """Remove the record of the jobs of a plan that does not exist any more.

    Raises:
        OSError: If the file cannot be deleted.
    """
    files.delete(jobs_file(plan))


def study_launcher(files: Files, cluster: ClusterSettings) -> Launcher[Any]:
    """Return the launcher of a study's jobs."""
    return launcher_of(cluster, files.path.absolute() / JOBS_FOLDER)
