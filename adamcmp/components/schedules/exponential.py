"""Exponential decay."""

from typing import Annotated

from pydantic import Field

from adamcmp.components.schedules._base import Horizon, Multipliers, Schedule, Steps, progress


class Exponential(Schedule):
    """s_t = end^(t/T) (torch's ExponentialLR with gamma = end^(1/T)).

    Attributes:
        end: The multiplier at the end of the run.
    """

    end: Annotated[float, Field(gt=0, le=1)] = 0.01

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        return self.end ** progress(steps, horizon)
