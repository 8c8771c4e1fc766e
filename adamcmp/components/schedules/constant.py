"""Constant learning rate."""

import numpy as np

from adamcmp.components.schedules._base import Horizon, Multipliers, Schedule, Steps


class Constant(Schedule):
    """s_t = 1 (torch's ConstantLR with factor 1).

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = Constant(name="constant", warmup=0.5)
    >>> schedule.multiplier(np.arange(4), Horizon(steps=4, epoch=2.0)).round(3).tolist()
    [0.5, 1.0, 1.0, 1.0]
    """

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        return np.ones(len(steps))
