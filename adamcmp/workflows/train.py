"""Training a study's runs, mirrored to an experiment tracker if one is configured."""

from __future__ import annotations

from adamcmp.config import StudyConfig
from adamcmp.execution.execute import ExecutionResult, Observer, execute
from adamcmp.execution.workers import Workers
from adamcmp.tracking.mirror import tracked


def train(
    config: StudyConfig,
    observer: Observer | None = None,
    *,
    force: bool = False,
    retry_failed: bool = False,
    workers: Workers | None = None,
) -> ExecutionResult:
    """Train those of a study's runs that are not in its folder yet.

    Args:
        config: The runs, and where and how they are trained.
        observer: Receives events.
        force: Also train runs that exist.
        retry_failed: Also train runs that crashed before.
        workers: Worker processes to use; None starts and ends them.

    Raises:
        AdamcmpError: If a requested run cannot be trained, or the tracker is not installed.
        Interrupted: If a signal arrives; runs that ended are stored.
    """
    config.tracker.check()
    with tracked(config, observer or Observer()) as observed:
        return execute(config, observed, force=force, retry_failed=retry_failed, workers=workers)
