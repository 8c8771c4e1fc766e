"""Exponential decay."""

from typing import Annotated

from pydantic import Field

from adamcmp.components.schedules._base import Horizon, Multipliers, Schedule, Steps, progress


class Exponential(Schedule):
    """s_t = end^(t/T) (torch's ExponentialLR with gamma = end^(1/T)).

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = Exponential(name="exponential")
    >>> schedule.multiplier(np.arange(4), Horizon(steps=4, epoch=2.0)).round(3).tolist()
    [1.0, 0.316, 0.1, 0.032]

    Attributes:
        end: The multiplier at the end of the run.
    """

    end: Annotated[float, Field(gt=0, le=1)] = 0.01

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        return self.end ** progress(steps, horizon)
