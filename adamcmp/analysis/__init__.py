"""Statistics of a study: tables of estimates, verdicts and audit findings from a `RunTable`.

A *problem* is a dataset with a model. An *optimizer* is a rule with its coupling. A *setting* is a
value of all other hyperparameters that varied, except the seed. Settings are selected on
validation and reported on test data, which the selection never uses.
"""

from adamcmp.analysis.audit import Finding, audit
from adamcmp.analysis.audit.edges import Edge, edges
from adamcmp.analysis.compare import compare
from adamcmp.analysis.comparisons import comparisons
from adamcmp.analysis.measures import MEASURES, Measure
from adamcmp.analysis.measures.best_settings import best_settings
from adamcmp.analysis.measures.budgets import budgets
from adamcmp.analysis.measures.coordinate_collapse import collapse, coordinates
from adamcmp.analysis.measures.matched_gap import (
    along_curves,
    matched,
    matched_differences,
    over_settings,
)
from adamcmp.analysis.measures.performance_profiles import performance_profiles
from adamcmp.analysis.measures.properties import properties
from adamcmp.analysis.measures.ranks import ranks
from adamcmp.analysis.measures.sensitivity import sensitivity
from adamcmp.analysis.measures.separability import additive_surface, separability
from adamcmp.analysis.measures.stability_frontier import cells_that_train, stability_frontier
from adamcmp.analysis.measures.surface import surface
from adamcmp.analysis.measures.tilt import tilt
from adamcmp.analysis.measures.tuning_curves import overtakes, tuning_curves
from adamcmp.analysis.measures.wd_slope import wd_slope
from adamcmp.analysis.metrics import higher_is_better, measure_of
from adamcmp.analysis.property_sentences import property_sentences
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.selection_seeds import selection_seeds
from adamcmp.analysis.sentences import sentence
from adamcmp.analysis.verdicts import Verdict, verdicts
from adamcmp.analysis.wording import display_name

__all__ = [
    "MEASURES",
    "Edge",
    "Finding",
    "Measure",
    "RunTable",
    "Verdict",
    "additive_surface",
    "along_curves",
    "audit",
    "best_settings",
    "budgets",
    "cells_that_train",
    "collapse",
    "compare",
    "comparisons",
    "coordinates",
    "display_name",
    "edges",
    "higher_is_better",
    "matched",
    "matched_differences",
    "measure_of",
    "over_settings",
    "overtakes",
    "performance_profiles",
    "properties",
    "property_sentences",
    "ranks",
    "selection_seeds",
    "sensitivity",
    "sentence",
    "separability",
    "stability_frontier",
    "surface",
    "tilt",
    "tuning_curves",
    "verdicts",
    "wd_slope",
]
