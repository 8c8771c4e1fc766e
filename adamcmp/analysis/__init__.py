"""From runs to tidy tables of estimates; each a function of a DataFrame.

A *problem* is a dataset with a model, in every form of them that was varied. A *variant* is an
optimizer, in every coupling (or torch class) that was varied under its name. A *setting* is
everything else that was varied, but the seed. Settings are chosen on validation and reported on
test, which choosing never sees.
"""

from adamcmp.analysis.audit import Finding, audit
from adamcmp.analysis.budgets import budgets
from adamcmp.analysis.compare import compare
from adamcmp.analysis.comparisons import best_settings, comparisons
from adamcmp.analysis.coordinates import collapse, coordinates
from adamcmp.analysis.edges import Edge, edges
from adamcmp.analysis.matched import along_curves, matched, matched_differences, over_settings
from adamcmp.analysis.profiles import performance_profiles, ranks
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.selection import (
    PROBLEM,
    choosing_seeds,
    chosen,
    higher_is_better,
    labelled,
    measure_of,
    ranked,
    setting_columns,
    summary,
)
from adamcmp.analysis.sensitivity import sensitivity, stability_frontier
from adamcmp.analysis.surfaces import additive_surface, separability, surface, tilt
from adamcmp.analysis.tuning import overtakes, tuning_curves
from adamcmp.analysis.verdicts import Verdict, sentence, verdicts
from adamcmp.analysis.wording import display_name

__all__ = [
    "PROBLEM",
    "Edge",
    "Finding",
    "RunTable",
    "Verdict",
    "additive_surface",
    "along_curves",
    "audit",
    "best_settings",
    "budgets",
    "choosing_seeds",
    "chosen",
    "collapse",
    "compare",
    "comparisons",
    "coordinates",
    "display_name",
    "edges",
    "higher_is_better",
    "labelled",
    "matched",
    "matched_differences",
    "measure_of",
    "over_settings",
    "overtakes",
    "performance_profiles",
    "ranked",
    "ranks",
    "sensitivity",
    "sentence",
    "separability",
    "setting_columns",
    "stability_frontier",
    "summary",
    "surface",
    "tilt",
    "tuning_curves",
    "verdicts",
]
