"""Learning-rate schedules: pure functions of the step; see `Schedule`."""

from adamcmp.components.schedules._base import Horizon, Schedule

__all__ = ["Horizon", "Schedule"]
