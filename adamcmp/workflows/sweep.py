"""Train the runs of a grid, or search ranges."""

from __future__ import annotations

from collections.abc import Sequence

from adamcmp.config import StudyConfig
from adamcmp.errors import ConfigError
from adamcmp.workflows.composing import study_composer
from adamcmp.workflows.search import RangeSearch
from adamcmp.workflows.training import SweepResult, TrainingOptions, train


def configure_sweep(overrides: Sequence[str] = (), config_dir: str | None = None) -> StudyConfig:
    """Return the configuration of a grid's runs, or of the planned runs of a search.

    Args:
        overrides: Overrides, of which some have several values, such as ``"lr=0.01,0.1"``, or
            ranges.
        config_dir: A folder of the user's yaml files.

    Raises:
        ConfigError: If an override is invalid.
    """
    composer = study_composer(config_dir)
    if composer.is_search(overrides):
        return RangeSearch(composer, overrides).preview()
    return composer.sweep(overrides)


def sweep(
    overrides: Sequence[str] = (),
    config_dir: str | None = None,
    options: TrainingOptions | None = None,
) -> SweepResult:
    """Train the runs of a grid that do not exist yet; with ``sampler=``, search ranges.

    Args:
        overrides: See `configure_sweep`.
        config_dir: A folder of the user's yaml files.
        options: How to train.

    Raises:
        ConfigError: If an override is invalid.
        Interrupted: If a signal ended training; the finished work is stored.
    """
    composer, options = study_composer(config_dir), options or TrainingOptions()
    if composer.is_search(overrides):
        if options.detach:
            raise ConfigError("--detach needs a grid: a search proposes its runs while it trains.")
        return RangeSearch(composer, overrides).train(options)
    config = composer.sweep(overrides)
    if options.detach and config.execution.cluster is None:
        raise ConfigError(
            "--detach needs an executor that starts jobs on a cluster, such as executor=slurm."
        )
    return SweepResult.of(train(config, options))
