"""The class of measures: statistics of a study that a report shows as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from adamcmp.analysis.run_table import RunTable


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


def column_headings(**headings: str) -> dict[str, str]:
    """Return headings, preceded by those of the columns that identify a row."""
    keys = ("problem", "optimizer", "a", "b", "metric")
    return {key: key for key in keys} | headings
