"""Launchers start workers on other machines, such as those of a cluster.

Each launcher is one module. Its name is a value of the setting ``executor=``.
"""

from adamcmp.execution.launchers._base import ClusterError, JobState, Launcher, WorkerCommand

__all__ = ["ClusterError", "JobState", "Launcher", "WorkerCommand"]
