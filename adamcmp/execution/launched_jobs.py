"""The ids of the jobs that were started for a plan, stored so that later commands find them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adamcmp.components.executors import ClusterSettings
from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.validation import build
from adamcmp.execution.launchers import Launcher, launcher_of
from adamcmp.execution.queue_files import jobs_file
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


def record_jobs(files: Files, plan: int, cluster: ClusterSettings, jobs: Sequence[str]) -> None:
    """Record all jobs that were started for a plan.

    Raises:
        OSError: If the file cannot be written.
    """
    content = {"executor": cluster.model_dump(mode="json"), "jobs": list(jobs)}
    files.replace(jobs_file(plan), json.dumps(content).encode())


def launched_jobs(files: Files, plan: int) -> LaunchedJobs | None:
    """Return the jobs that were started for a plan; None if there are none."""
    try:
        content: dict[str, Any] = json.loads(files.read(jobs_file(plan)))
    except FileNotFoundError:
        return None
    settings = content["executor"]
    component = CONFIG_GROUPS["executor"].component(settings["name"])
    cluster = build(component, settings, "executor")
    assert isinstance(cluster, ClusterSettings)
    return LaunchedJobs(cluster, tuple(content["jobs"]))


def forget_jobs(files: Files, plan: int) -> None:
    """Remove the record of the jobs of a plan that does not exist any more.

    Raises:
        OSError: If the file cannot be deleted.
    """
    files.delete(jobs_file(plan))


def study_launcher(files: Files, cluster: ClusterSettings) -> Launcher[Any]:
    """Return the launcher of a study's jobs."""
    return launcher_of(cluster, files.path.absolute() / JOBS_FOLDER)
