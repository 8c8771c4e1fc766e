"""Measures: statistics of a study, one file each, with their title, caption and requirements."""

from adamcmp.analysis.measures.best_settings import BEST_SETTINGS
from adamcmp.analysis.measures.budgets import BUDGETS
from adamcmp.analysis.measures.coordinate_collapse import COORDINATE_COLLAPSE
from adamcmp.analysis.measures.matched_gap import MATCHED_ALONG_CURVES, MATCHED_OVER_SETTINGS
from adamcmp.analysis.measures.measure import Measure
from adamcmp.analysis.measures.pairwise import PAIRWISE_COMPARISONS
from adamcmp.analysis.measures.performance_profiles import PERFORMANCE_PROFILES
from adamcmp.analysis.measures.ranks import RANKS
from adamcmp.analysis.measures.sensitivity import SENSITIVITY
from adamcmp.analysis.measures.separability import SEPARABILITY
from adamcmp.analysis.measures.stability_frontier import STABILITY_FRONTIER
from adamcmp.analysis.measures.tilt import TILT
from adamcmp.analysis.measures.tuning_curves import OVERTAKES, TUNING_CURVES

#: The measures of a report, in order.
MEASURES = (
    BEST_SETTINGS,
    PAIRWISE_COMPARISONS,
    BUDGETS,
    TUNING_CURVES,
    OVERTAKES,
    SEPARABILITY,
    TILT,
    COORDINATE_COLLAPSE,
    SENSITIVITY,
    STABILITY_FRONTIER,
    MATCHED_ALONG_CURVES,
    MATCHED_OVER_SETTINGS,
    RANKS,
    PERFORMANCE_PROFILES,
)

__all__ = ["MEASURES", "Measure"]
