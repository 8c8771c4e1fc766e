"""Warm-up, stable, decay."""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from adamcmp.components.schedules._base import (
    Fraction,
    Horizon,
    Multipliers,
    Schedule,
    Steps,
    progress,
)


class WSD(Schedule):
    """Warm-up, then s_t = 1, then a decay to `end` over the last fraction of the run.

    Source: Hu et al. 2024, "MiniCPM" (arXiv 2404.06395), section 4; the ``sqrt`` decay 1 − √x is
    Hägele et al. 2024 (arXiv 2405.18392).

    >>> import numpy as np
    >>> from adamcmp.components.schedules import Horizon
    >>> schedule = WSD(name="wsd", warmup=0.0, decay=0.5)
    >>> schedule.multiplier(np.arange(4), Horizon(steps=4, epoch=2.0)).round(3).tolist()
    [1.0, 1.0, 1.0, 0.5]

    Attributes:
        warmup: See `Schedule`.
        decay: Fraction of the steps after the warm-up over which the multiplier decays.
        form: Shape of the decay.
        end: The multiplier at the end of the run.
    """

    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    decay: Annotated[float, Field(gt=0, le=1)] = 0.2
    form: Literal["linear", "cosine", "sqrt"] = "linear"
    end: Fraction = 0.0

    def after_warmup(self, steps: Steps, horizon: Horizon) -> Multipliers:
        """See `Schedule.after_warmup`."""
        x = np.clip((progress(steps, horizon) - (1 - self.decay)) / self.decay, 0.0, 1.0)
        fall: dict[str, Multipliers] = {
            "linear": 1 - x,
            "cosine": (1 + np.cos(np.pi * x)) / 2,
            "sqrt": 1 - np.sqrt(x),
        }
        return self.end + (1 - self.end) * fall[self.form]
