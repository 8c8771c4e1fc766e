"""Optimizers: a rule and a coupling of weight decay, chained from gradient transformations."""

from adamcmp.components.optimizers._base import COUPLINGS, Optimizer, Rule

__all__ = ["COUPLINGS", "Optimizer", "Rule"]
