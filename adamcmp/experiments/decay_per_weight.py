"""How much each weight decays under L2 and under decoupled decay, by the size of its gradients.

Loshchilov & Hutter 2019, Proposition 2: an adaptive rule divides the gradient of the penalty by the
same numbers as the rest of the gradient, so that weights with large gradients decay less.

The decay of a weight θ is c in "change = −c·s_t·θ" with the schedule's multiplier s_t,
summed over the steps with the weights θ: c = −Σ change·θ / Σ s_t·θ². For the change of a weight by
the decay see `adamcmp.experiments.recording`. Decoupled decay has c = lr·wd for all weights.

Shapes: P weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from adamcmp.experiments.optimizer_choice import OptimizerChoice

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class DecayPerWeight:
    """The measured decay of each weight in one form of an optimizer.

    Attributes:
        optimizer: The optimizer.
        form: ``l2`` or ``decoupled``.
        gradient: Root mean square of the weight's gradients over the steps (P,).
        change: −Σ change·θ (P,).
        square: Σ s_t·θ² (P,).
    """

    optimizer: OptimizerChoice
    form: str
    gradient: Floats
    change: Floats
    square: Floats

    def binned(self, bins: int) -> tuple[Floats, Floats]:
        """Return the median size of the gradients and the decay per step in bins of weights.

        Weights without any gradient are left out. The bins have equally many weights, and are in
        the order of the size of the gradients. The decay of a bin is c with the sums over all of
        its weights.
        """
        used = self.gradient > 0
        order = np.argsort(self.gradient[used], kind="stable")
        gradient, change, square = (
            np.array_split(values[used][order], bins)
            for values in (self.gradient, self.change, self.square)
        )
        sums = np.array([[c.sum(), s.sum()] for c, s in zip(change, square, strict=True)])
        return np.array([np.median(part) for part in gradient]), sums[:, 0] / sums[:, 1]

    @property
    def small_to_large(self) -> float:
        """The decay of the tenth of weights with the smallest gradients, over that of the largest.

        It is 1 if all weights decay equally, and NaN if those with the largest do not decay.
        """
        _, decay = self.binned(10)
        return float(decay[0] / decay[-1]) if decay[-1] else math.nan
