"""From a study to its runs, each with an id made of everything that can change its numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

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

    def columns(self) -> dict[str, Any]:
        """Return the run's columns that say what was asked, whatever becomes of it."""
        config = self.config
        settings = {k: v for k, v in config.settings().items() if not k.endswith(".name")}
        return {
            **settings,
            **self.numerics.model_dump(),
            "run_id": self.run_id,
            "dataset": config.dataset.name,
            "model": config.model.name,
            "optimizer": config.optimizer.name,
            "rule": config.optimizer.rule,
            "coupling": config.optimizer.coupling,
            "schedule": config.schedule.name,
            "loss": config.loss.name,
            "lr": config.optimizer.lr,
            "wd": config.optimizer.weight_decay,
            "epochs": None if config.protocol.steps else config.protocol.epochs,
        }


def plan(study: StudyConfig, numerics: Numerics) -> tuple[RunSpec, ...]:
    """Return the study's runs in the order asked, each once.

    Args:
        study: What was asked.
        numerics: The study's numerics, settled.
    """
    alone = numerics.model_copy(update={"engine": "eager"})
    specs = []
    for config in study.runs:
        # What cannot be compiled is run as it is written, whatever the study's engine.
        used = numerics if config.compiles else alone
        specs.append(RunSpec(run_id(config, used), config, used))
    return tuple({spec.run_id: spec for spec in specs}.values())


def run_id(config: RunConfig, numerics: Numerics) -> str:
    """Return the hash of everything that can change the run's numbers, and nothing else."""
    fragments = {**config.fragments(), "numerics": numerics.canonical}
    text = ",".join([f'"{key}":{fragments[key]}' for key in sorted(fragments)])
    return hashlib.sha256(f"{{{text}}}".encode()).hexdigest()[:16]
