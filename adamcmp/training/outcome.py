"""The progress of a group's training, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Done:
    """The group was trained.

    Attributes:
        runs: One row per run.
        metrics: One row per run and evaluation.
        examples: Rows with the outcomes of examples.
    """

    runs: list[dict[str, Any]]
    metrics: list[dict[str, Any]] = field(default_factory=list)
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Failed:
    """The group crashed.

    Attributes:
        error: The error in one line.
        run_ids: The runs of the group.
        traceback: The error's traceback.
    """

    error: str
    run_ids: tuple[str, ...]
    traceback: str = ""


@dataclass(frozen=True)
class Stopped:
    """The group was stopped early; its checkpoint holds the state."""


Outcome = Done | Failed | Stopped


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of a group.

    Attributes:
        step: Steps taken.
        steps: Steps of the whole training.
        lanes: Lanes still training.
        latest: The first lane's metrics directly after an evaluation; None between evaluations.
    """

    step: int
    steps: int
    lanes: int
    latest: dict[str, float] | None = None
