"""Learning-rate schedules: pure functions of the step; see `Schedule`."""

from adamcmp.schedules._base import Horizon, Schedule

__all__ = ["Horizon", "Schedule"]
