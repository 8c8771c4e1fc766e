"""From runs to tidy tables of estimates; each a function of a DataFrame.

A *problem* is a dataset with a model, in every form of them that was varied. A *variant* is an
optimizer, in every coupling (or torch class) that was varied under its name. A *setting* is
everything else that was varied, but the seed. Settings are chosen on validation and reported on
test, which choosing never sees.
"""

from adamcmp.stats.choice import (
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
from adamcmp.stats.comparisons import best_settings, compare, comparisons
from adamcmp.stats.edges import Edge, edges
from adamcmp.stats.verdicts import Verdict, display_name, sentence, verdicts

__all__ = [
    "PROBLEM",
    "Edge",
    "Verdict",
    "best_settings",
    "choosing_seeds",
    "chosen",
    "compare",
    "comparisons",
    "display_name",
    "edges",
    "higher_is_better",
    "labelled",
    "measure_of",
    "ranked",
    "sentence",
    "setting_columns",
    "summary",
    "verdicts",
]
