"""Linear decay."""

from adamcmp.components.schedules._base import (
    Horizon,
    Multipliers,
    Schedule,
    Share,
    Steps,
    anneal_linear,
    progress,
)


class Linear(Schedule):
    """s_t falls in a straight line from 1 to `end` (torch: LinearLR from factor 1).

    Attributes:
        end: The multiplier at the end of the run.
    """

    end: Share = 0.0

    def shape(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.shape`."""
        return anneal_linear(1.0, self.end, progress(steps, horizon))
