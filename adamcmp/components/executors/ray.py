"""Training by workers on the nodes of a Ray cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from adamcmp.components.executors._base import ClusterSettings


class RaySettings(ClusterSettings):
    """Trains by workers on the nodes of a Ray cluster. The workers end with the command.

    Attributes:
        name: Name of the module that defines the settings.
        jobs: Maximum number of workers at once. There are fewer if a worker would train for less
            than 5 seconds.
        address: ``local`` starts a cluster on this machine, which ends with the command. ``auto``
            uses the cluster that ``$RAY_ADDRESS`` names, otherwise the one of this machine.
            ``HOST:PORT`` uses the cluster whose head listens there.
        num_cpus: CPUs that Ray reserves for each worker, which trains as many groups at once.
        num_gpus: GPUs that Ray reserves for each worker. With a fraction, such as 0.5, several
            workers share a GPU.
        deadline: Seconds after which a worker whose node does not answer is replaced.
    """

    gpu_override: ClassVar[str] = "executor.num_gpus=1"
    address: Annotated[str, Field(description="local, auto or HOST:PORT of a cluster's head")]
    num_cpus: Annotated[int, Field(ge=1)] = 1
    num_gpus: Annotated[float, Field(ge=0, le=1)] = 0.0
    deadline: Annotated[float, Field(gt=0)] = 120.0

    @property
    def job_seconds(self) -> float:
        """See `ClusterSettings.job_seconds`: approximately the time in which a worker starts."""
        return 5.0

    @property
    def gpus(self) -> int:
        """See `ClusterSettings.gpus`."""
        return 1 if self.num_gpus else 0

    @property
    def cores(self) -> int:
        """See `ClusterSettings.cores`."""
        return self.num_cpus
