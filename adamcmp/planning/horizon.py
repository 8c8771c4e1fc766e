"""The number of steps of a run, and the steps after which it is evaluated."""

from __future__ import annotations

import math

from adamcmp.components.schedules import Horizon
from adamcmp.config import Eval, RunConfig
from adamcmp.errors import ConfigError

#: Most evaluations of a run; each is a row of `metrics`.
MAX_EVALUATIONS = 100_000


def horizon(config: RunConfig, train_examples: int) -> Horizon:
    """Return a run's number of steps and its steps per epoch.

    Args:
        config: The run.
        train_examples: Size of the training split.
    """
    protocol = config.protocol
    epoch = train_examples / protocol.batch_size
    return Horizon(protocol.steps or math.ceil(protocol.epochs * epoch), epoch)


def evaluation_steps(schedule: Eval, horizon: Horizon) -> list[int]:
    """Return the steps after which a run is evaluated: 0, each interval, and the last step.

    Args:
        schedule: The interval, in epochs or steps.
        horizon: The run's length.

    Raises:
        ConfigError: If there are more than `MAX_EVALUATIONS`.
    """
    # With an interval of less than one step, every step is followed by an evaluation.
    interval = max(schedule.every_steps or schedule.every * horizon.epoch, 1)
    count = math.ceil(horizon.steps / interval)
    if count > MAX_EVALUATIONS:
        raise ConfigError(
            f"{count:,} evaluations of a run are too many: at most {MAX_EVALUATIONS:,}. Train for "
            f"fewer steps, or raise eval.every= or eval.every_steps=."
        )
    between = {max(round(i * interval), 1) for i in range(1, count)}
    return sorted({0, horizon.steps, *(s for s in between if s < horizon.steps)})
