"""What a measure is: a statistic of a study that a report shows as a table."""

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
        caption: What it shows and how it was computed.
        compute: Returns its tidy table; empty where the runs do not meet the requirements.
        requirements: What the runs must contain for the table not to be empty.
        headings: The headings of the columns that people read, by column; csv files have all
            columns. Empty: all columns under their own names.
        pivot: A column whose values become columns, each with an estimate; empty for none.
    """

    name: str
    title: str
    caption: str
    compute: Callable[[RunTable], pd.DataFrame]
    requirements: str = "completed runs"
    headings: Mapping[str, str] = field(default_factory=dict)
    pivot: str = ""


def column_headings(**headings: str) -> dict[str, str]:
    """Return headings that begin with the columns that identify a row, under their own names."""
    keys = ("problem", "optimizer", "a", "b", "metric")
    return {key: key for key in keys} | headings
