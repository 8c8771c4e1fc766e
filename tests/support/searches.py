"""Searches of a few settings."""

import json
from typing import Any

import adamcmp
from adamcmp.config import Composer
from adamcmp.workflows.search import RangeSearch
from adamcmp.workflows.training import SweepResult, TrainingOptions
from tests.support.studies import THREE_STEPS

SAMPLERS = ["random", "sobol", "tpe", "cmaes"]
RANGES = ["lr=tag(log,interval(1e-4,1e-1))", "wd=interval(0,0.5)"]
OVERRIDES = [*THREE_STEPS, *RANGES, "optimizer=adamw,sgd", "seeds=2", "n=5", "batch=3"]


def search(overrides: list[str], *, retry_failed: bool = False) -> SweepResult:
    """Run a search to its end; a search that exists is continued."""
    return RangeSearch(Composer(), overrides).train(TrainingOptions(retry_failed=retry_failed))


def stored_settings(study: str) -> dict[str, Any]:
    """Return the settings of each cell, in the order in which they were proposed."""
    folder = adamcmp.load(study).folder / "searches"
    return {path.name: json.loads(path.read_bytes()) for path in folder.iterdir()}
