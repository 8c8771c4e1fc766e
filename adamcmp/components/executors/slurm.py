"""Training by jobs of a Slurm cluster."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from adamcmp.components.executors._base import ClusterSettings

#: Seconds of training for which a job is started, unless its time limit is shorter.
MOST_JOB_SECONDS = 1200.0
#: The part of the time limit of a job in which it trains, since predictions vary.
TRAINED_PART = 0.8

Count = Annotated[int, Field(ge=1)]


class SlurmSettings(ClusterSettings):
    """Trains by jobs of a Slurm cluster, which are submitted as one array.

    The settings have the names of `submitit <https://github.com/facebookincubator/submitit>`_.
    Further options of ``sbatch`` can be set by its environment variables, such as ``SBATCH_QOS``.

    Attributes:
        jobs: Maximum number of jobs at once. There are fewer if a job would train for less than 20
            minutes, or four fifths of `timeout_min`.
        timeout_min: Time limit of a job, in minutes. Before this limit, a job saves checkpoints,
            and queues itself again if runs are left.
        partition: The partition. None selects the cluster's default.
        account: The account that is charged. None selects the user's default.
        gpus_per_node: GPUs of a job. The job runs one worker on each GPU.
        cpus_per_task: Cores of a job.
        mem_gb: Memory of a job in GB. None selects the partition's default.
        constraint: Features that the nodes must have.
        setup: Shell commands that a job runs before it starts Python.
    """

    gpu_override: ClassVar[str] = "executor.gpus_per_node=1"
    timeout_min: Count = 60
    partition: str | None = None
    account: str | None = None
    gpus_per_node: Annotated[int, Field(ge=0)] = 0
    cpus_per_task: Count = 1
    mem_gb: Annotated[float, Field(gt=0)] | None = None
    constraint: str | None = None
    setup: tuple[str, ...] = ()

    @property
    def job_seconds(self) -> float:
        """See `ClusterSettings.job_seconds`: a job may take minutes to start."""
        return min(MOST_JOB_SECONDS, 60 * self.timeout_min * TRAINED_PART)

    @property
    def gpus(self) -> int:
        """See `ClusterSettings.gpus`."""
        return self.gpus_per_node

    @property
    def cores(self) -> int:
        """See `ClusterSettings.cores`."""
        return self.cpus_per_task
