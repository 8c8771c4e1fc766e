"""Run specs of a study. A run's id is a hash of everything that can change its numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from adamcmp.components.names import COMPONENT_GROUP_NAMES
from adamcmp.components.registry import Component, canonical_object
from adamcmp.config import Numerics, Protocol, RunConfig, StudyConfig
from adamcmp.config.columns import component_columns, protocol_columns
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
        columns: dict[str, Any] = {"run_id": self.run_id, **SHARED_COLUMNS}
        for name in SECTIONS:
            columns |= section_columns(name, section_of(self, name))
        return columns


#: The parts of a run that have columns: its components, its protocol and its numerics.
SECTIONS = (*COMPONENT_GROUP_NAMES, "protocol", "numerics")
#: Columns that are equal in all runs.
SHARED_COLUMNS = {"paired_seeds": True}


def section_of(spec: RunSpec, name: str) -> Component | None:
    """Return a section of a run; None for a config group that is null."""
    section: Component | None = getattr(spec if name == "numerics" else spec.config, name)
    return section


def section_columns(name: str, section: Component | None) -> Mapping[str, Any]:
    """Return the columns of a section, computed once: the runs of a study share their sections.

    Args:
        name: One of `SECTIONS`.
        section: The section.
    """
    if section is None:
        return {name: None}
    if name not in section.memo:
        section.memo[name] = _section_columns(name, section)
    columns: Mapping[str, Any] = section.memo[name]
    return columns


def _section_columns(name: str, section: Component) -> dict[str, Any]:
    if isinstance(section, Protocol):
        epochs = None if section.steps else section.epochs
        return {**protocol_columns(section), "epochs": epochs}
    if isinstance(section, Numerics):
        return {**section.model_dump(), "engine.revision": section.engine_revision}
    columns = component_columns(section, name)
    # The names of components have columns without a dot.
    columns[name] = columns.pop(f"{name}.name", None)
    columns |= {short: columns[path] for path, short in SHORT_NAMES.items() if path in columns}
    return {**columns, f"{name}.revision": section.revision}


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
