"""Optimizers as rule × coupling, each a chain of small pure links; see `_chain`."""

from adamcmp.optimizers._base import COUPLINGS, Optimizer

__all__ = ["COUPLINGS", "Optimizer"]
