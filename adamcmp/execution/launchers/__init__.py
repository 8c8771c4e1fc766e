"""Launchers start workers as jobs of a cluster.

Each launcher is one module. Its name is a value of the setting ``executor=``, whose settings are a
module of `adamcmp.components.executors`.
"""

import importlib
import inspect
from pathlib import Path
from typing import Any

from adamcmp.components.executors import ClusterSettings
from adamcmp.execution.launchers._base import ClusterError, JobState, Launcher, WorkerCommand

__all__ = ["ClusterError", "JobState", "Launcher", "WorkerCommand", "launcher_of"]


def launcher_of(settings: ClusterSettings, folder: Path) -> Launcher[Any]:
    """Return the launcher of the settings of ``executor=``.

    Args:
        settings: The settings.
        folder: See `Launcher`.
    """
    module = importlib.import_module(f"{__name__}.{settings.name}")
    classes = [value for value in vars(module).values() if inspect.isclass(value)]
    (launcher,) = (
        cls for cls in classes if issubclass(cls, Launcher) and cls.__module__ == module.__name__
    )
    return launcher(settings, folder)
