"""Optimizers as rule × coupling, each a chain of small pure transformations; see `_chain`."""

from adamcmp.components.optimizers._base import COUPLINGS, Optimizer, Rule

__all__ = ["COUPLINGS", "Optimizer", "Rule"]
