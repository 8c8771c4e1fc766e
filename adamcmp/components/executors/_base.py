"""The bases of the settings of executors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field

from adamcmp.components.registry import Component


class ExecutorSettings(Component):
    """How the work of a study is distributed. It does not affect results.

    Attributes:
        name: Name of the module that defines the settings.
    """

    name: str


class ClusterSettings(ExecutorSettings):
    """Settings of an executor that starts workers on the machines of a cluster.

    Attributes:
        name: Name of the module that defines the settings.
        jobs: Most jobs at once. There are fewer if less than `job_seconds` is predicted for each.
    """

    #: Longest predicted time of a job in seconds, while more jobs are allowed: longer than it takes
    #: to start a job, and with room for predictions that are those of another machine.
    job_seconds: ClassVar[float]

    #: The override that gives a job a GPU.
    gpu_override: ClassVar[str]

    jobs: Annotated[int, Field(ge=1)] = 32

    @property
    @abstractmethod
    def gpus(self) -> int:
        """The number of GPUs of a job; each has a worker of its own."""

    @property
    @abstractmethod
    def cores(self) -> int:
        """The number of processor cores of a job."""
