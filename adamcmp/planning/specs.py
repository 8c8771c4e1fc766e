"""Run specs of a study. A run's id is a hash of everything that can change its numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

from adamcmp.components.names import COMPONENT_GROUP_NAMES
from adamcmp.components.registry import canonical_object
from adamcmp.config import Numerics, RunConfig, StudyConfig
from adamcmp.planning.fusion import can_use_engine, unfused_reason
from adamcmp.planning.run_kinds import run_kind_key
from adamcmp.storage.columns import SHORT_NAMES


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run to train.

    Attributes:
        run_id: 16 hexadecimal digits of the SHA-256 of the run's canonical JSON.
        config: The run's settings.
        numerics: The numerics of the run; no value is ``auto``.
        run_kind: The key of the run's kind; see `run_kind_key`.
    """

    run_id: str
    config: RunConfig
    numerics: Numerics
    run_kind: str

    @classmethod
    def of(cls, config: RunConfig, numerics: Numerics) -> Self:
        """Return the spec of a run."""
        return cls(run_id(config, numerics), config, numerics, run_kind_key(config))

    @property
    def unfused_reason(self) -> str | None:
        """Why such runs are trained one at a time; None if they are fused."""
        return unfused_reason(self.config, self.numerics.device, self.numerics.engine)

    @property
    def fuses(self) -> bool:
        """Whether such runs are trained as lanes of one batched computation."""
        return self.unfused_reason is None

    def columns(self) -> dict[str, Any]:
        """Return the columns of the run that are known before training."""
        settings = self.config.settings()
        # The names of components have columns without a dot.
        names = {group: settings.pop(f"{group}.name", None) for group in COMPONENT_GROUP_NAMES}
        protocol = self.config.protocol
        return {
            **settings,
            **names,
            **{short: settings[path] for path, short in SHORT_NAMES.items()},
            "epochs": None if protocol.steps else protocol.epochs,
            **self.config.revisions(),
            **self.numerics.model_dump(),
            "engine.revision": self.numerics.engine_revision,
            "run_id": self.run_id,
            "paired_seeds": True,
        }


def run_specs(study: StudyConfig, numerics: Numerics) -> tuple[RunSpec, ...]:
    """Return the study's runs in the order requested, each once.

    A run that the study's engine cannot train uses the eager engine.

    Args:
        study: The runs' settings.
        numerics: The study's numerics; no value is ``auto``.
    """
    eager = numerics.model_copy(update={"engine": "eager"})
    specs = (
        RunSpec.of(run, numerics if can_use_engine(run, numerics.engine) else eager)
        for run in study.runs
    )
    return tuple({spec.run_id: spec for spec in specs}.values())


def run_id(config: RunConfig, numerics: Numerics) -> str:
    """Return the hash of everything that can change the run's numbers, and of nothing else."""
    text = canonical_object({**config.canonical_values(), "numerics": numerics.canonical})
    return hashlib.sha256(text.encode()).hexdigest()[:16]
