"""The settings of each value of ``executor=``.

``serial`` and ``pool`` train on this machine, with an executor of `adamcmp.execution.executors`.
Other values train on a cluster, with a launcher of `adamcmp.execution.launchers`.
"""

from adamcmp.components.executors._base import ClusterSettings, ExecutorSettings

__all__ = ["ClusterSettings", "ExecutorSettings"]
