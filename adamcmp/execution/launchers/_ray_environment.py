"""The environment of the processes that `adamcmp.execution.launchers.ray` starts."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any


def driver_environment(address: str) -> dict[str, str]:
    """Return the environment of the process that is connected to a cluster.

    Args:
        address: See `adamcmp.components.executors.ray.RaySettings`.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(_python_path())}
    if address != "auto":
        environment.pop("RAY_ADDRESS", None)  # it would have precedence
    if address == "local":
        # A token that only this cluster knows: other users of this machine cannot connect to it,
        # and Ray does not write one into the user's home.
        environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        environment |= {"RAY_USAGE_STATS_ENABLED": "0"}
    return environment


def worker_environment() -> dict[str, Any]:
    """Return the arguments of `_ray_node.NodeWorker` that say what a worker inherits from here.

    Variables with credentials are not among them, since Ray would store them: a node has its own.
    """
    variables = {name: value for name, value in os.environ.items() if name.startswith("ADAMCMP_")}
    return {"environment": variables, "python_path": _python_path()}


def _python_path() -> list[str]:
    """Return the folders that Python imports from here, without those of its installation."""
    installation = {Path(sys.prefix), Path(sys.base_prefix)}
    folders = (path or str(Path.cwd()) for path in sys.path)
    return [f for f in folders if not installation.intersection([Path(f), *Path(f).parents])]
