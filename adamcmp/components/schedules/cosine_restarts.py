"""Cosine decay with warm restarts."""

from typing import Annotated

import numpy as np
from pydantic import Field

from adamcmp.components.schedules._base import (
    Fraction,
    Horizon,
    Multipliers,
    Schedule,
    Steps,
    anneal_cosine,
)


class CosineRestarts(Schedule):
    """Cosine decay that restarts after T_0, T_0·T_mult, T_0·T_mult², … epochs.

    Source: Loshchilov & Hutter 2017, "SGDR", equation 5; torch's
    CosineAnnealingWarmRestarts, stepped with fractions of epochs.

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = CosineRestarts(name="cosine_restarts", T_0=1.0)
    >>> schedule.multiplier(np.arange(6), Horizon(steps=6, epoch=2.0)).round(3).tolist()
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146]

    Attributes:
        T_0: Epochs in the first cycle.
        T_mult: Ratio of the length of each cycle to that of the previous one.
        end: The multiplier at the end of each cycle.
    """

    T_0: Annotated[float, Field(ge=0.1)] = 10.0
    T_mult: Annotated[int, Field(ge=1)] = 2
    end: Fraction = 0.0

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        epochs = steps / horizon.epoch
        ends = self.cycle_ends(horizon)
        # side="right": the step at the end of a cycle is the first one of the next.
        cycle = np.searchsorted(ends, epochs, side="right")
        starts = np.concatenate([[0.0], ends])
        length = self.T_0 * self.T_mult ** cycle.astype(float)
        return anneal_cosine(1.0, self.end, (epochs - starts[cycle]) / length)

    def cycle_ends(self, horizon: Horizon) -> Multipliers:
        """Return the epochs at which cycles end, in order, up to the end of the run."""
        ends: list[float] = []
        length = self.T_0
        while sum(ends[-1:]) + length <= horizon.steps / horizon.epoch:
            ends.append(sum(ends[-1:]) + length)
            length *= self.T_mult
        return np.asarray(ends, dtype=float)
