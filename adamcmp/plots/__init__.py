"""Plots: each a file with ``data(runs, metrics)``, tested, and ``draw(data)``, a Figure."""

import importlib
import pkgutil
from types import ModuleType

#: The plots of a report, by the name of their files.
PLOTS: dict[str, ModuleType] = {
    module.name: importlib.import_module(f"adamcmp.plots.{module.name}")
    for module in pkgutil.iter_modules(__path__)
    if not module.name.startswith("_")
}

__all__ = ["PLOTS"]
