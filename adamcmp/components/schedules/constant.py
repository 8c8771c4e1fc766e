"""Constant learning rate."""

import numpy as np

from adamcmp.components.schedules._base import Horizon, Multipliers, Schedule, Steps


class Constant(Schedule):
    """s_t = 1 (torch's ConstantLR with factor 1)."""

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        return np.ones(len(steps))
