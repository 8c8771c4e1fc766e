"""Plan what a workflow would train, without training it."""

from __future__ import annotations

from collections.abc import Callable

from adamcmp.config import StudyConfig
from adamcmp.execution.execute import Preview, preview
from adamcmp.execution.executors import Pool
from adamcmp.training.tasks import warm_up


def plan_only(
    configure: Callable[[], StudyConfig], *, force: bool = False, retry_failed: bool = False
) -> Preview:
    """Return the plan of a configuration; nothing is written to the study's folder.

    Args:
        configure: Returns the configuration.
        force: Plan to retrain runs that already exist.
        retry_failed: Plan to retrain runs that crashed.

    Raises:
        AdamcmpError: If a run cannot be trained.
    """
    # Started first, so that the worker imports torch while the configuration is composed.
    executor = Pool(1, 1, warm_up)
    try:
        config = configure()
        config.tracker.check()
        return preview(config, executor, force=force, retry_failed=retry_failed)
    finally:
        executor.close()
