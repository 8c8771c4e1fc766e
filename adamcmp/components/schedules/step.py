"""Step decay."""

from typing import Annotated

import numpy as np
from pydantic import Field, field_validator

from adamcmp.components.schedules._base import Horizon, Multipliers, Schedule, Steps


class Step(Schedule):
    """s_t = gamma^k after the k-th milestone (torch's MultiStepLR).

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = Step(name="step")
    >>> schedule.multiplier(np.arange(4), Horizon(steps=4, epoch=2.0)).round(3).tolist()
    [1.0, 1.0, 0.1, 0.01]

    Attributes:
        milestones: Fractions of the run, ascending. At milestone m the multiplier drops at step
            round(m·T).
        gamma: The factor of each drop.
    """

    milestones: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.5, 0.75)
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1

    @field_validator("milestones")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("should ascend, like [0.5,0.75]")
        return value

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        drops = np.round(np.asarray(self.milestones) * horizon.steps)
        return self.gamma ** np.searchsorted(drops, steps, side="right").astype(float)
