"""Check: are all seeds trained on the same data, so that intervals leave out other data?"""

from __future__ import annotations

from collections.abc import Iterator

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable, data_vary_with_seed


def check(table: RunTable) -> Iterator[Finding]:
    """Yield problems with comparisons of runs that share one split of the data.

    Imported runs do not say how their data were split.
    """
    for problem, subtable in table.by_problem():
        runs = subtable.runs
        trained = runs["torch_version"].notna().all()
        if trained and runs["optimizer"].nunique() > 1 and not data_vary_with_seed(runs):
            yield Finding(
                "training data",
                "note",
                problem,
                "All seeds have one split of the data, so intervals do not cover the sample of "
                "training data. On mnist1d, the standard deviation of the difference between "
                "AdamW and SGD is 1.2 points over seeds and training sets, and 0.8 points over "
                "seeds alone. In a new study, data_seed=seed draws the data with each run's seed.",
            )
