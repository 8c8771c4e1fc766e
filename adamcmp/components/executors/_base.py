"""The bases of the settings of executors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field

from adamcmp.components.registry import Component


class ExecutorSettings(Component):
    """The settings of one value of ``executor=``, which says where runs are trained.

    They do not affect results.

    Attributes:
        name: Name of the module that defines the settings.
    """

    name: str


class ClusterSettings(ExecutorSettings):
    """The settings of a launcher, which starts workers as jobs of a cluster.

    Attributes:
        name: Name of the module that defines the settings.
        jobs: Maximum number of jobs at once. Short studies need fewer.
    """

    #: The override that gives a job a GPU.
    gpu_override: ClassVar[str]

    jobs: Annotated[int, Field(ge=1)] = 32

    @property
    @abstractmethod
    def job_seconds(self) -> float:
        """Predicted seconds of training for which one job is started, unless `jobs` are too few.

        A job takes less time than this to start.
        """

    @property
    @abstractmethod
    def gpus(self) -> int:
        """The number of GPUs of a job. A job runs one worker on each GPU."""

    @property
    @abstractmethod
    def cores(self) -> int:
        """The number of processor cores of a job."""
