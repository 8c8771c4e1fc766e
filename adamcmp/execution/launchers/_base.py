"""The interface of launchers, which start workers as jobs of a cluster."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, Literal, TypeVar

from adamcmp.components.executors import ClusterSettings
from adamcmp.errors import AdamcmpError

Settings = TypeVar("Settings", bound=ClusterSettings)


class ClusterError(AdamcmpError):
    """A cluster refuses jobs, or does not answer."""


@dataclass(frozen=True)
class WorkerCommand:
    """The command of a job: a worker that trains runs of a plan until none is left.

    Attributes:
        study: The absolute folder or the URL of the study, as the worker's machine sees it.
        plan: The number of the plan.
        options: Further arguments, such as ``workers=2``.
    """

    study: str
    plan: int
    options: tuple[str, ...] = ()

    @property
    def argv(self) -> list[str]:
        """The program and its arguments. It imports no modules from its working directory."""
        root, _, name = self.study.rpartition("/")
        worker = [sys.executable, "-P", "-m", "adamcmp", "worker", name, "--results", root]
        return [*worker, "--plan", str(self.plan), *self.options]


@dataclass(frozen=True)
class JobState:
    """The state of a job.

    Attributes:
        status: Whether the job waits to start, runs or has ended.
        detail: The cluster's description of the state, such as why the job waits or how it ended.
        cancelled: Whether the job has ended because somebody cancelled it.
        lost: Whether it ended with its machine, or with the connection to it.
    """

    status: Literal["pending", "running", "ended"]
    detail: str = ""
    cancelled: bool = False
    lost: bool = False


class Launcher(ABC, Generic[Settings]):
    """Starts workers as jobs of a cluster.

    Args:
        settings: The settings of ``executor=``.
        folder: A folder for files of the jobs, which need not exist yet.

    Attributes:
        jobs_outlive_command: Whether the jobs outlive the process that started them.
    """

    jobs_outlive_command: ClassVar[bool] = True

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.folder = settings, folder

    def check(self) -> None:
        """Check that jobs can be started, before anything is written.

        Raises:
            ConfigError: If a setting is wrong, or a package or program is missing.
            ClusterError: If the cluster does not answer.
        """

    @abstractmethod
    def start(self, command: WorkerCommand, count: int) -> list[str]:
        """Start jobs, each of which runs the same command.

        Args:
            command: The command.
            count: The number of jobs.

        Returns:
            The id of each job, with which any later process can ask for its state.

        Raises:
            ClusterError: If the cluster refuses the jobs. No job is started in this case.
        """

    @abstractmethod
    def states(self, jobs: Sequence[str]) -> Mapping[str, JobState]:
        """Return the state of each job by its id.

        Args:
            jobs: Ids that `start` returned, also in an earlier process.

        Raises:
            ClusterError: If the cluster does not answer.
        """

    @abstractmethod
    def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel jobs. Their workers save checkpoints first. Jobs that have ended are ignored.

        Raises:
            ClusterError: If the cluster does not answer.
        """

    @abstractmethod
    def log_paths(self, jobs: Sequence[str]) -> Mapping[str, Path]:
        """Return the file with the output of each job, by its id. A file may not exist yet."""

    def close(self) -> None:
        """End the jobs if they do not outlive this process; called when a command ends."""
