"""Optimizers: a rule and a coupling of weight decay, chained from gradient transformations."""

from adamcmp.components.optimizers._base import COUPLINGS, Optimizer
from adamcmp.components.optimizers._rule import Rule
from adamcmp.components.parameter_groups import (
    GroupSettings,
    ParameterGroup,
    parameter_roles,
)

__all__ = [
    "COUPLINGS",
    "GroupSettings",
    "Optimizer",
    "ParameterGroup",
    "Rule",
    "parameter_roles",
]
