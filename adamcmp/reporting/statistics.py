"""Compute the measures of a report as tables; a measure without data has a reason."""

from __future__ import annotations

import logging
from dataclasses import replace

import pandas as pd

from adamcmp.analysis import Measure, RunTable
from adamcmp.errors import AdamcmpError
from adamcmp.reporting.omissions import without_uninformative
from adamcmp.reporting.tables import Table

logger = logging.getLogger(__name__)


def measure_table(measure: Measure, table: RunTable) -> Table:
    """Compute a measure.

    Args:
        measure: The measure.
        table: The runs and their evaluations.

    Returns:
        Its table. If the runs do not meet its requirements, or its computation fails, the table has
        no data and gives the reason.
    """
    try:
        data = measure.compute(table)
        uninformative = measure.is_uninformative(data)
        headlines = _headlines(measure, data[~uninformative])
    except AdamcmpError as error:
        return _without_data(measure, str(error))
    except Exception as error:  # an error in one measure must not prevent the report
        logger.exception("The measure %s failed; the report is written without it.", measure.name)
        text = f"{type(error).__name__}: {error}"
        return replace(_without_data(measure, f"It failed: {text}"), error=text)
    if data.empty:
        return _without_data(measure, f"It needs {measure.requirements}.")
    computed = Table(
        measure.name,
        measure.title,
        measure.caption,
        data,
        headlines=headlines,
        headings=measure.headings,
        pivot=measure.pivot,
    )
    return without_uninformative(computed, uninformative)


def _headlines(measure: Measure, data: pd.DataFrame) -> tuple[str, ...]:
    """Return what a table shows in one line, for several problems in one line each."""
    if data.empty or "problem" not in data:
        return () if data.empty else (measure.headline(data),)
    lines = {
        str(name): measure.headline(rows) for name, rows in data.groupby("problem", sort=False)
    }
    if len(lines) == 1:
        return tuple(lines.values())
    return tuple(f"{problem}: {line}" for problem, line in lines.items())


def _without_data(measure: Measure, reason: str) -> Table:
    return Table(measure.name, measure.title, measure.caption, missing_reason=reason)
