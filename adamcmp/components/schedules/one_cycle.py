"""One cycle of learning rate, and the mirrored one of momentum."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from adamcmp.components.schedules._base import ANNEAL, Horizon, Multipliers, Schedule, Steps


class OneCycle(Schedule):
    """Rise from 1/div_factor to 1, then fall to 1/(div_factor·final_div_factor).

    Momentum (β1 for Adam) meanwhile falls from `max_momentum` to `base_momentum` and comes back.
    Source: Smith & Topin 2018, "Super-convergence"; torch.optim.lr_scheduler.OneCycleLR, which
    this equals step by step (lr is its ``max_lr``).

    Attributes:
        pct_start: Share of the cycle that rises.
        anneal: Shape of both legs.
        div_factor: 1 over the first multiplier.
        final_div_factor: First multiplier over the last one.
        cycle_momentum: Move the momentum too; an optimizer without momentum keeps none.
        base_momentum: Momentum at the peak of the learning rate.
        max_momentum: Momentum at both ends.
    """

    pct_start: Annotated[float, Field(gt=0, lt=1)] = 0.3
    anneal: Literal["cosine", "linear"] = "cosine"
    div_factor: Annotated[float, Field(ge=1)] = 25.0
    final_div_factor: Annotated[float, Field(ge=1)] = 1e4
    cycle_momentum: bool = True
    base_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.85
    max_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95

    @field_validator("warmup")
    @classmethod
    def _rises_by_itself(cls, value: float) -> float:
        if value:
            raise ValueError("should be 0: one_cycle rises by itself over pct_start of the run")
        return value

    def shape(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.shape`."""
        first = 1.0 / self.div_factor
        return self._legs(steps, horizon, first, 1.0, first / self.final_div_factor)

    def momentum(self, steps: Steps, horizon: Horizon) -> Multipliers | None:
        """See `Schedule.momentum`."""
        if not self.cycle_momentum:
            return None
        return self._legs(steps, horizon, self.max_momentum, self.base_momentum, self.max_momentum)

    def _legs(
        self, steps: Steps, horizon: Horizon, start: float, peak: float, end: float
    ) -> Multipliers:
        rise = self.pct_start * horizon.steps - 1.0  # torch counts the peak's step so
        fall = max(horizon.steps - 1.0 - rise, 1e-12)
        anneal = ANNEAL[self.anneal]
        up = anneal(start, peak, np.clip(steps / max(rise, 1e-12), 0.0, 1.0))
        down = anneal(peak, end, np.clip((steps - rise) / fall, 0.0, 1.0))
        return np.where(steps <= rise, up, down)
