"""From a study to its runs, each with an id made of everything that can change its numbers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from adamcmp.config import Numerics, RunConfig, StudyConfig


@dataclass(frozen=True)
class RunSpec:
    """One run to train.

    Attributes:
        run_id: 16 hexadecimal digits of the SHA-256 of the run's canonical JSON.
        config: What was asked.
        numerics: How it is computed, settled (``device`` is never ``auto`` here).
    """

    run_id: str
    config: RunConfig
    numerics: Numerics


def plan(study: StudyConfig, numerics: Numerics) -> tuple[RunSpec, ...]:
    """Return the study's runs in the order asked, each once.

    Args:
        study: What was asked.
        numerics: The study's numerics, settled.
    """
    specs = (RunSpec(run_id(config, numerics), config, numerics) for config in study.runs)
    return tuple({spec.run_id: spec for spec in specs}.values())


def run_id(config: RunConfig, numerics: Numerics) -> str:
    """Return the hash of everything that can change the run's numbers, and nothing else."""
    canonical = {**config.identity(), "numerics": numerics.identity()}
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
