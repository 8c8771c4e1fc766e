"""The class of measures: statistics of a study that a report shows as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from adamcmp.analysis.run_table import RunTable

#: The lowest and the highest possible estimate, of each row of a table or of all.
Range = tuple[float | pd.Series, float | pd.Series]
#: An estimate is uninformative if its interval covers this part of the possible values.
NEARLY_ALL = 0.9


@dataclass(frozen=True)
class Measure:
    """A statistic of a study, with its title, caption and requirements.

    Attributes:
        name: The name of its file in a report, without a suffix.
        title: Its heading.
        caption: Explains the content of the table and its computation.
        compute: Returns its tidy table; empty if the runs do not meet the requirements.
        headline: Says in one line what a table shows that is not empty. If the table has the column
            ``problem``, it gets the rows of one problem.
        requirements: The runs that a non-empty table requires.
        headings: The headings of displayed columns, by column; csv files have all columns. If
            empty, all columns are displayed under their names.
        pivot: A column whose values become columns, each with an estimate; empty for none.
        order: Its place in a report: measures with a smaller number come first.
        possible_range: Returns the range of the possible estimates; None if they are unbounded.
    """

    name: str
    title: str
    caption: str
    compute: Callable[[RunTable], pd.DataFrame]
    headline: Callable[[pd.DataFrame], str]
    requirements: str = "completed runs"
    headings: Mapping[str, str] = field(default_factory=dict)
    pivot: str = ""
    order: int = 1000
    possible_range: Callable[[pd.DataFrame], Range] | None = None

    def is_uninformative(self, data: pd.DataFrame) -> pd.Series[bool]:
        """Return at which rows of the table the interval covers nearly all possible estimates.

        These rows are in the files of a report, but not shown. An infinite range is covered if both
        of its ends are.

        >>> share = Measure("s", "Share", "", pd.DataFrame, str, possible_range=shares)
        >>> rows = pd.DataFrame({"ci_low": [0.0, 0.4], "ci_high": [1.0, 0.6]})
        >>> share.is_uninformative(rows).tolist()
        [True, False]
        """
        if self.possible_range is None or data.empty:
            return pd.Series(False, data.index, dtype=bool)
        lowest, highest = (
            pd.Series(end, data.index, dtype=float) for end in self.possible_range(data)
        )
        low, high = (data[end].astype(float) for end in ("ci_low", "ci_high"))
        covered = (high - low) >= NEARLY_ALL * (highest - lowest)
        all_covered = (low <= lowest) & (high >= highest)
        return covered.where(np.isfinite(highest - lowest), all_covered)


def shares(rows: pd.DataFrame) -> Range:
    """Return the range of shares."""
    return 0.0, 1.0


def column_headings(**headings: str) -> dict[str, str]:
    """Return headings, preceded by those of the columns that identify a row."""
    keys = ("problem", "optimizer", "a", "b", "metric")
    return {key: key for key in keys} | headings
