"""Settings of the executors, which distribute work over processes; see `ExecutorSettings`."""

from adamcmp.components.executors._base import ClusterSettings, ExecutorSettings

__all__ = ["ClusterSettings", "ExecutorSettings"]
