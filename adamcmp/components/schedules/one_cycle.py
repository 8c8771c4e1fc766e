"""One cycle of the learning rate, with an inverse cycle of momentum."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from adamcmp.components.schedules._base import ANNEAL, Horizon, Multipliers, Schedule, Steps


class OneCycle(Schedule):
    """Rise from 1/div_factor to 1, then fall to 1/(div_factor·final_div_factor).

    Momentum (β1 for Adam) meanwhile falls from `max_momentum` to `base_momentum` and rises again.
    Source: Smith & Topin 2018, "Super-convergence"; torch.optim.lr_scheduler.OneCycleLR, with
    identical values at every step (lr is torch's ``max_lr``).

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = OneCycle(name="one_cycle")
    >>> schedule.multiplier(np.arange(4), Horizon(steps=4, epoch=2.0)).round(3).tolist()
    [0.04, 0.812, 0.283, 0.0]

    Attributes:
        pct_start: Fraction of the run over which the learning rate rises.
        anneal: Shape of the rise and of the fall.
        div_factor: Inverse of the first multiplier.
        final_div_factor: Ratio of the first multiplier to the last one.
        cycle_momentum: Also cycle the momentum, unless the optimizer has none.
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
    def _no_warmup(cls, value: float) -> float:
        if value:
            raise ValueError("should be 0: one_cycle itself warms up over pct_start of the run")
        return value

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        first = 1.0 / self.div_factor
        return self._cycle(steps, horizon, first, 1.0, first / self.final_div_factor)

    def momentum(self, steps: Steps, horizon: Horizon) -> Multipliers | None:
        """See `Schedule.momentum`."""
        if not self.cycle_momentum:
            return None
        return self._cycle(steps, horizon, self.max_momentum, self.base_momentum, self.max_momentum)

    def _cycle(
        self, steps: Steps, horizon: Horizon, start: float, peak: float, end: float
    ) -> Multipliers:
        # In torch, the peak is at this step, which in general is not an integer.
        rise = self.pct_start * horizon.steps - 1.0
        fall = max(horizon.steps - 1.0 - rise, 1e-12)
        anneal = ANNEAL[self.anneal]
        up = anneal(start, peak, np.clip(steps / max(rise, 1e-12), 0.0, 1.0))
        down = anneal(peak, end, np.clip((steps - rise) / fall, 0.0, 1.0))
        return np.where(steps <= rise, up, down)
