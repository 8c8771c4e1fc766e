"""The algebra of L2 regularization and weight decay, as claims that are evaluated numerically.

One module per optimizer, in the order in which a student meets them.
"""

from __future__ import annotations

from adamcmp.experiments.claims import adam, adamw, amsgrad, momentum, sgd
from adamcmp.experiments.claims._base import Claim

__all__ = ["CLAIMS", "Claim"]

CLAIMS: tuple[Claim, ...] = (
    *sgd.CLAIMS,
    *momentum.CLAIMS,
    *adam.CLAIMS,
    *adamw.CLAIMS,
    *amsgrad.CLAIMS,
)
