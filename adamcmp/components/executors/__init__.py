"""The settings of each value of ``executor=``.

``serial`` and ``pool`` train on this machine, by an executor of `adamcmp.execution.executors`. Others
train on a cluster, by a launcher of `adamcmp.execution.launchers`.
"""

from adamcmp.components.executors._base import ClusterSettings, ExecutorSettings

__all__ = ["ClusterSettings", "ExecutorSettings"]
