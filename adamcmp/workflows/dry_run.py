"""Plan what a workflow would train, without training it."""

from __future__ import annotations

from collections.abc import Callable

from adamcmp.config import StudyConfig
from adamcmp.execution.executors import Pool
from adamcmp.execution.preview import Preview, preview
from adamcmp.training.tasks import warm_up
from adamcmp.workflows.training import TrainingOptions


def preview_configuration(
    configure: Callable[[], StudyConfig], options: TrainingOptions
) -> Preview:
    """Return the plan of a configuration; nothing is written to the study's folder.

    Args:
        configure: Returns the configuration.
        options: Which stored runs would be trained again, and what shows notices.

    Raises:
        AdamcmpError: If a run cannot be trained.
    """
    # Started first, so that the worker imports torch while the configuration is composed.
    executor = Pool(1, 1, warm_up)
    try:
        config = configure()
        for notice in config.notices:
            options.on_notice(notice)
        config.tracker.check()
        return preview(config, executor, retrained_statuses=options.retrained_statuses)
    finally:
        executor.close()
