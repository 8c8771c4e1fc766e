"""Which statistics a report holds, in their order, and what a reader is told of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from adamcmp.errors import AdamcmpError
from adamcmp.report.tables import Table
from adamcmp.stats import surfaces

logger = logging.getLogger(__name__)

Frames = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Statistic:
    """A statistic of the report.

    Attributes:
        name: Its file's name, without a suffix.
        title: What it is called.
        about: What it says, and how it was computed.
        function: Returns its tidy table from labelled runs and their metrics.
        labels: As of `Table`.
    """

    name: str
    title: str
    about: str
    function: Frames
    labels: Mapping[str, str] = field(default_factory=dict)

    def table(self, runs: pd.DataFrame, metrics: pd.DataFrame) -> Table:
        """Return the table; where the statistic does not apply, or fails, one that says why."""
        try:
            data = self.function(runs, metrics)
        except AdamcmpError as error:
            return self._missing(str(error))
        except Exception as error:  # one statistic's defect costs no other
            logger.exception("The statistic %s failed; the report goes on without it.", self.name)
            return self._missing(f"It failed: {type(error).__name__}: {error}")
        if data.empty:
            return self._missing("The runs are not of the kind that it needs.")
        return Table(self.name, self.title, self.about, data, labels=self.labels)

    def _missing(self, why: str) -> Table:
        return Table(self.name, self.title, self.about, missing=why)


STATISTICS = (
    Statistic(
        "separability",
        "Separability of learning rate and weight decay",
        "The share of the error's variance over log lr × log wd, near the optimum, that an "
        "additive model f(lr) + g(wd) explains, with the noise over seeds taken off: at 1 the best "
        "weight decay does not depend on the learning rate.",
        lambda runs, metrics: surfaces.separability(runs),
        {"problem": "problem", "optimizer": "optimizer", "estimate": "additive share"}
        | {"n": "seeds", "cells": "cells"},
    ),
    Statistic(
        "tilt",
        "Tilt of the basin",
        "The angle of the long axis of the basin of good cells in the plane of log lr × log wd. "
        "0° runs along lr, 90° along wd, −45° along lr·wd constant.",
        lambda runs, metrics: surfaces.tilt(runs),
        {"problem": "problem", "optimizer": "optimizer", "estimate": "angle (°)"}
        | {"n": "seeds", "cells": "cells"},
    ),
)
