"""A lab bench for optimizer comparisons.

The Python face::

    adamcmp.run(["optimizer=adamw", "wd=0.01"])        # -> dict, one run's summary
    adamcmp.sweep(["optimizer=adam_l2,adamw", ...])    # -> Study
    adamcmp.load("my_study")                           # -> Study with .runs and .metrics
    adamcmp.compare(runs, "optimizer=adamw", "optimizer=adam_l2")  # -> DataFrame, one row
    adamcmp.torch_optimizer("adamw", net.parameters(), lr=1e-3, weight_decay=0.1)

and the exceptions, one tree (see `adamcmp.errors`).
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Before torch's first product: with it a product's bits do not depend on how runs are grouped
# (alignment decides otherwise).
os.environ.setdefault("MKL_CBWR", "AUTO,STRICT")

_HOMES = {
    "run": "adamcmp.api",
    "sweep": "adamcmp.api",
    "load": "adamcmp.api",
    "Study": "adamcmp.api",
    "compare": "adamcmp.analysis",
    "torch_optimizer": "adamcmp.training.torch_optimizer",
    "AdamcmpError": "adamcmp.errors",
    "ConfigError": "adamcmp.errors",
    "NotFound": "adamcmp.errors",
    "DataError": "adamcmp.errors",
    "Elsewhere": "adamcmp.errors",
    "RunInProgress": "adamcmp.errors",
    "EngineError": "adamcmp.errors",
    "StoreError": "adamcmp.errors",
    "RunFailed": "adamcmp.errors",
}

if TYPE_CHECKING:
    from adamcmp.analysis import compare
    from adamcmp.api import Study, load, run, sweep
    from adamcmp.errors import (
        AdamcmpError,
        ConfigError,
        DataError,
        Elsewhere,
        EngineError,
        NotFound,
        RunFailed,
        RunInProgress,
        StoreError,
    )
    from adamcmp.training.torch_optimizer import torch_optimizer

__all__ = [
    "AdamcmpError",
    "ConfigError",
    "DataError",
    "Elsewhere",
    "EngineError",
    "NotFound",
    "RunFailed",
    "RunInProgress",
    "StoreError",
    "Study",
    "compare",
    "load",
    "run",
    "sweep",
    "torch_optimizer",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that the command line starts at once."""
    if name not in _HOMES:
        raise AttributeError(f"module 'adamcmp' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
