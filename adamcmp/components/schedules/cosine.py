"""Cosine decay."""

from adamcmp.components.schedules._base import (
    Fraction,
    Horizon,
    Multipliers,
    Schedule,
    Steps,
    anneal_cosine,
    progress,
)


class Cosine(Schedule):
    """s_t = end + (1 − end)·(1 + cos(π·t/T))/2 (torch's CosineAnnealingLR).

    Source: Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts.

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = Cosine(name="cosine")
    >>> schedule.multiplier(np.arange(4), Horizon(steps=4, epoch=2.0)).round(3).tolist()
    [1.0, 0.854, 0.5, 0.146]

    Attributes:
        end: The multiplier at the end of the run.
    """

    end: Fraction = 0.0

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        return anneal_cosine(1.0, self.end, progress(steps, horizon))
