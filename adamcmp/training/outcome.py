"""How far a group of lanes is, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Done:
    """A group that was trained: one row a run, and one row per run and evaluation."""

    runs: list[dict[str, Any]]
    metrics: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Failed:
    """A group that crashed: the error, in one line and as a traceback, is data of its runs."""

    error: str
    run_ids: tuple[str, ...]
    traceback: str = ""


@dataclass(frozen=True)
class Stopped:
    """A group that was told to stop before its end; what it had done is in its checkpoint."""


Outcome = Done | Failed | Stopped


@dataclass(frozen=True)
class TrainingProgress:
    """Where a group is: what a progress bar shows.

    Attributes:
        step: Steps taken.
        steps: Steps in all.
        lanes: Lanes still training.
        latest: The first lane's latest evaluation, or None between evaluations.
    """

    step: int
    steps: int
    lanes: int
    latest: dict[str, float] | None = None
