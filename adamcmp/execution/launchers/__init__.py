"""Launchers start workers as jobs of a cluster.

Each launcher is one module. Its name is a value of the setting ``executor=``, whose settings are a
module of `adamcmp.components.executors`.
"""

from pathlib import Path
from typing import Any

from adamcmp.components.executors import ClusterSettings
from adamcmp.components.registry import only_subclass
from adamcmp.execution.launchers._base import ClusterError, JobState, Launcher, WorkerCommand

__all__ = ["ClusterError", "JobState", "Launcher", "WorkerCommand", "launcher_of"]


def launcher_of(settings: ClusterSettings, folder: Path) -> Launcher[Any]:
    """Return the launcher of the settings of ``executor=``.

    Args:
        settings: The settings.
        folder: See `Launcher`.
    """
    # mypy allows no abstract class as an argument of `type`.
    launcher = only_subclass(f"{__name__}.{settings.name}", Launcher)  # type: ignore[type-abstract]
    return launcher(settings, folder)
