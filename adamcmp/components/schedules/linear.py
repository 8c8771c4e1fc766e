"""Linear decay."""

from adamcmp.components.schedules._base import (
    Fraction,
    Horizon,
    Multipliers,
    Schedule,
    Steps,
    anneal_linear,
    progress,
)


class Linear(Schedule):
    """s_t falls linearly from 1 to `end` (torch's LinearLR from factor 1).

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = Linear(name="linear")
    >>> schedule.multiplier(np.arange(4), Horizon(steps=4, epoch=2.0)).round(3).tolist()
    [1.0, 0.75, 0.5, 0.25]

    Attributes:
        end: The multiplier at the end of the run.
    """

    end: Fraction = 0.0

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        return anneal_linear(1.0, self.end, progress(steps, horizon))
