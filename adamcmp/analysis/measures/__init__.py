"""Measures: statistics of a study, one file each, with their title, caption and requirements.

A measure is a `Measure` at the top level of a module of this package. Modules are collected
automatically.
"""

from __future__ import annotations

import importlib
import pkgutil

from adamcmp.analysis.measures.measure import Measure


def _collect() -> tuple[Measure, ...]:
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    measures = {
        value.name: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Measure)
    }
    return tuple(sorted(measures.values(), key=lambda measure: (measure.order, measure.name)))


#: The measures of a report, in order.
MEASURES = _collect()

__all__ = ["MEASURES", "Measure"]
