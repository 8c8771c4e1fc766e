"""What the comparisons of a report ask: which pairs, and which differences matter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from adamcmp.analysis.wording import display_name
from adamcmp.errors import ConfigError, nearest


@dataclass(frozen=True)
class Question:
    """The options of comparisons.

    Attributes:
        baseline: The optimizer that each other one is compared with; None compares all pairs.
        margin: The difference within which optimizers count as equal, in the unit in which the
            metric is printed: percentage points for errors. None tests no equality.
    """

    baseline: str | None = None
    margin: float | None = None

    def baseline_in(self, optimizers: Iterable[str]) -> str | None:
        """Return the label of the baseline among optimizers; None if it is not among them.

        >>> Question(baseline="AdamW").baseline_in(["adamw", "sgd"])
        'adamw'
        """
        for name in optimizers:
            if self.baseline in (name, display_name(name)):
                return name
        return None

    def check(self, optimizers: Iterable[str]) -> None:
        """Check that the baseline is among the optimizers, and that the margin is positive.

        Raises:
            ConfigError: If it is not; the message lists the optimizers.
        """
        if self.margin is not None and not 0 < self.margin < math.inf:
            raise ConfigError(f"The margin is {self.margin:g}; it must be a positive number.")
        names = list(optimizers)
        if self.baseline is not None and self.baseline_in(names) is None:
            raise ConfigError(
                f"The baseline {self.baseline!r} is not an optimizer of these runs."
                f"{nearest(self.baseline, names)} They are {', '.join(names)}."
            )


#: The default: all pairs.
ALL_PAIRS = Question()
