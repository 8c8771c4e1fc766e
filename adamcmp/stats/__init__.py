"""From runs to tidy tables of estimates; each a function of a DataFrame.

A *problem* is a dataset with a model, in every form of them that was varied. A *variant* is an
optimizer, in every coupling (or torch class) that was varied under its name. A *setting* is
everything else that was varied, but the seed. Settings are chosen on validation and reported on
test, which choosing never sees.
"""

from adamcmp.stats.choice import (
    PROBLEM,
    chosen,
    labelled,
    measure_of,
    ranked,
    setting_columns,
    summary,
)
from adamcmp.stats.edges import Edge, edges

__all__ = [
    "PROBLEM",
    "Edge",
    "chosen",
    "edges",
    "labelled",
    "measure_of",
    "ranked",
    "setting_columns",
    "summary",
]
