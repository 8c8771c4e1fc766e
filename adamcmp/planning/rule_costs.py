"""Measured costs of update rules, cached per machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from pydantic import TypeAdapter

from adamcmp.platform.cache import cache_folder, source_digest
from adamcmp.platform.files import write_atomically
from adamcmp.platform.provenance import hardware, package_version

#: Settings on whose value the cost of a step does not depend.
_IRRELEVANT = ("name", "lr", "weight_decay", "groups", "revision")


@dataclass(frozen=True)
class RuleCost:
    """The cost of a rule on two shapes: an MLP 40-100-100-10, and one 1,024 × 1,024 matrix.

    Attributes:
        mlp_us: Microseconds of processor time per step of the MLP's parameters, in one thread,
            without the gradients.
        matrix_us: The same for the matrix.
        mlp_state: Numbers in the rule's state for each parameter of the MLP.
        matrix_state: The same for the matrix.
    """

    mlp_us: float
    matrix_us: float
    mlp_state: float
    matrix_state: float


_CostByKey = dict[str, RuleCost]
_FILE = TypeAdapter(_CostByKey)


def cost_key(settings: Mapping[str, Any]) -> str:
    """Return the key under which the cost of a rule is cached on this machine.

    Args:
        settings: The optimizer's settings by the names of its fields. Of fractions, it matters
            whether they are 0; a missing value is left out.
    """
    relevant = {k: _canonical(v) for k, v in settings.items() if k not in _IRRELEVANT}
    content = [
        {k: v for k, v in relevant.items() if v is not None},
        *(package_version("torch"), source_digest(), hardware("cpu")),
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def _canonical(value: Any) -> Any:
    """Return what of a setting's value the cost depends on; None for nothing."""
    if isinstance(value, str):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return int(value) if value >= 1 and float(value).is_integer() else value > 0


def cached_costs() -> dict[str, RuleCost]:
    """Return the costs that were measured on this machine, by `cost_key`."""
    try:
        return _FILE.validate_json(_file().read_bytes())
    except (OSError, ValueError):  # missing or damaged: measure again
        return {}


def cache_costs(costs: Mapping[str, RuleCost]) -> None:
    """Write measured costs to the cache, by `cost_key`."""
    # If the cache cannot be written, they are measured again.
    with contextlib.suppress(OSError), FileLock(_file().with_suffix(".lock")):
        write_atomically(_file(), _FILE.dump_json(cached_costs() | dict(costs)))


def _file() -> Path:
    return cache_folder() / "rule_costs.json"
