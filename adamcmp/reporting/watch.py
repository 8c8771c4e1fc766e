"""A report that is written anew while a sweep trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from adamcmp.errors import NotFound
from adamcmp.execution.reservations import process_statuses
from adamcmp.reporting import Report, report, write_page
from adamcmp.storage import reader


def watch(
    studies: Sequence[Path],
    filters: Sequence[str],
    every: float,
    tell: Callable[[Report], None],
    note: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> Report:
    """Write the report whenever runs have ended, until no process trains runs of the studies.

    A browser that shows the page loads it anew every so often while this goes on; the page that is
    left in the end, also by Ctrl-C, does not.

    Args:
        studies: Folders.
        filters: As for `report`.
        every: Seconds between two looks.
        tell: Called with each report.
        note: Called with what a person should know of the watching.
        sleep: Waits so many seconds.

    Raises:
        AdamcmpError: As `report`; that no run has ended yet is no error while some are trained.
        KeyboardInterrupt: When it is stopped before there is a report.
    """
    made: Report | None = None
    seen: list[list[str]] | None = None
    told = ""
    note(f"The report follows the sweep: a look every {every:g} s; Ctrl-C ends it.")
    try:
        while running := being_trained(studies):
            there = [reader.part_names(study) for study in studies]
            if there != seen:
                made, seen = _written(studies, filters, every, tell) or made, there
            if running != told:
                note(running)
                told = running
            sleep(every)
    except KeyboardInterrupt:
        if made is None:
            raise
    else:
        note("No process trains runs here now: this report is the last.")
        if made is None or [reader.part_names(study) for study in studies] != seen:
            made = report(studies, filters)
            tell(made)
    write_page(made)
    return made


def being_trained(studies: Sequence[Path]) -> str:
    """Return how far the processes are that train runs of studies; empty when there are none."""
    found = [standing for study in studies for standing in process_statuses(study)]
    if not found:
        return ""
    done, runs = sum(s.done for s in found), sum(s.runs for s in found)
    return f"{done} of {runs} runs that are trained now have ended."


def _written(
    studies: Sequence[Path], filters: Sequence[str], every: float, tell: Callable[[Report], None]
) -> Report | None:
    """Write the report; None when no run has ended yet."""
    try:
        made = report(studies, filters, refresh=every)
    except NotFound:
        return None
    tell(made)
    return made
