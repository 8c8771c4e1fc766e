"""Train one run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adamcmp.config import Composer, StudyConfig
from adamcmp.errors import RunFailed, RunInProgress
from adamcmp.execution.execute import ExecutionResult
from adamcmp.storage import reader
from adamcmp.workflows.training import TrainingOptions, train


@dataclass(frozen=True)
class RunResult:
    """The stored result of one run.

    Attributes:
        folder: The folder of the study.
        row: The run's row of `runs`.
        trained: Whether this call trained the run; False if it already existed.
    """

    folder: Path
    row: dict[str, Any]
    trained: bool


def configure_run(overrides: Iterable[str] = (), config_dir: str | None = None) -> StudyConfig:
    """Return the configuration of one run.

    Args:
        overrides: Overrides of the default configuration, such as ``"lr=0.01"``.
        config_dir: A folder of the user's yaml files.

    Raises:
        ConfigError: If an override is invalid.
    """
    return Composer(config_dir).run(overrides)


def run(config: StudyConfig, options: TrainingOptions | None = None) -> RunResult:
    """Train one run, or read it if it already exists.

    Args:
        config: The configuration; see `configure_run`.
        options: How to train.

    Raises:
        RunFailed: If training crashed.
        RunInProgress: If another process is training the run.
    """
    executed = train(config, options or TrainingOptions())
    return RunResult(executed.folder, _stored_row(executed), bool(executed.trained))


def _stored_row(executed: ExecutionResult) -> dict[str, Any]:
    if executed.in_progress:
        raise RunInProgress(executed.in_progress_message)
    run_id = executed.specs[0].run_id
    row = reader.read_final_rows(executed.folder)[run_id]
    if row["status"] == "failed":
        error = row["error"].splitlines()[0]
        raise RunFailed(f"The run crashed: {error} (`adamcmp show {run_id}` has the traceback).")
    return row
