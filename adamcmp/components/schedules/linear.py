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

    Attributes:
        end: The multiplier at the end of the run.
    """

    end: Fraction = 0.0

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        return anneal_linear(1.0, self.end, progress(steps, horizon))
