"""Cosine decay."""

from adamcmp.components.schedules._base import (
    Horizon,
    Multipliers,
    Schedule,
    Share,
    Steps,
    anneal_cosine,
    progress,
)


class Cosine(Schedule):
    """s_t = end + (1 − end)·(1 + cos(π·t/T))/2 (torch: CosineAnnealingLR).

    Source: Loshchilov & Hutter 2017, "SGDR", equation 5, without restarts.

    Attributes:
        end: The multiplier at the end of the run.
    """

    end: Share = 0.0

    def shape(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.shape`."""
        return anneal_cosine(1.0, self.end, progress(steps, horizon))
