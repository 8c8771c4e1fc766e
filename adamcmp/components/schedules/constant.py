"""Constant learning rate."""

import numpy as np

from adamcmp.components.schedules._base import Horizon, Multipliers, Schedule, Steps


class Constant(Schedule):
    """s_t = 1 (torch: ConstantLR with factor 1)."""

    def shape(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.shape`."""
        return np.ones(len(steps))
