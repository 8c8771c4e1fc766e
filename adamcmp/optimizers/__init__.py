"""Optimizers as rule × coupling, each a chain of small pure links; see `_chain`."""

from adamcmp.optimizers._base import COUPLINGS, Optimizer, Rule

__all__ = ["COUPLINGS", "Optimizer", "Rule"]
