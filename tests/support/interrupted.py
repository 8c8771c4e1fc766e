"""Sweeps that are killed or stopped while they train."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import RunSpec
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.storage.store import Store
from adamcmp.training import loop
from adamcmp.training.outcome import Stopped
from adamcmp.training.train import train_group
from tests.support.training import FusedGroup


def sweep_command(results: Path, study: str, overrides: list[str]) -> list[str]:
    """Return the arguments of a sweep."""
    return ["sweep", *overrides, f"results={results}", f"study={study}"]


def checkpoints(study: Path) -> list[Path]:
    """Return a study's checkpoints."""
    return list((study / "checkpoints").glob("*.npz"))


def leave_checkpoint(runs: list[RunSpec], store: Store, steps: int, *, fused: bool = False) -> Path:
    """Train a group of runs for some steps, stop it, and return its checkpoint."""
    group = (FusedGroup if fused else LaneGroup)(tuple(runs))
    path = store.checkpoints.path(group.run_ids)
    path.parent.mkdir(parents=True, exist_ok=True)
    last_step = 0

    def report(progress: Any) -> None:
        nonlocal last_step
        last_step = progress.step

    checkpointing = Checkpointing(path, every=1e9)
    outcome = train_group(group, report, checkpointing, lambda: last_step >= steps)
    assert isinstance(outcome, Stopped) and path.exists()
    return path


def count_lane_steps(monkeypatch: Any) -> Callable[[], int]:
    """Return a function that returns the steps of all lanes that were taken since this call."""
    counts: list[int] = []
    steps = loop.Lanes.steps

    def counted(self: loop.Lanes, chunk: Any, count: int) -> Any:
        counts.append(count * len(self.seeds))
        return steps(self, chunk, count)

    monkeypatch.setattr(loop.Lanes, "steps", counted)
    return lambda: sum(counts)
