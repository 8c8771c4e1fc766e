"""A report that is rewritten while a sweep trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from adamcmp.analysis.question import ALL_PAIRS, Question
from adamcmp.errors import NotFound
from adamcmp.execution.liveness import process_statuses
from adamcmp.platform.addresses import Address
from adamcmp.reporting import Report, report, write_page
from adamcmp.storage import reader


def watch(
    studies: Sequence[Address],
    filters: Sequence[str],
    interval: float,
    on_report: Callable[[Report], None],
    on_message: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    question: Question = ALL_PAIRS,
) -> Report:
    """Rewrite the report whenever runs have ended, until no process trains the studies.

    Meanwhile, a browser that shows the page reloads it periodically. The last page, also after
    Ctrl-C, does not reload.

    Args:
        studies: Folders of studies.
        filters: Conditions that runs must meet, such as ``"lr=0.001"``.
        interval: Seconds between two checks for new runs.
        on_report: Called with each report.
        on_message: Called with messages about progress.
        sleep: Waits for a number of seconds.
        question: What the comparisons ask.

    Returns:
        The last report.

    Raises:
        AdamcmpError: See `report`. While processes train, it is not an error that no run has ended.
        KeyboardInterrupt: If interrupted before the first report.
    """
    written: Report | None = None
    reported_parts: list[list[str]] | None = None
    last_status = ""
    on_message(f"Updating the report every {interval:g} s while runs train; stop with Ctrl-C.")
    try:
        while status := training_status(studies):
            # Listed before the report is written, so that runs that end meanwhile cause another
            # report.
            parts = _parts(studies)
            if parts != reported_parts:
                written = _report(studies, filters, interval, on_report, question) or written
                reported_parts = parts
            if status != last_status:
                on_message(status)
                last_status = status
            sleep(interval)
    except KeyboardInterrupt:
        if written is None:
            raise
    else:
        on_message("No process is training runs of this study: this was the last update.")
        if written is None or _parts(studies) != reported_parts:
            written = report(studies, filters, question=question)
            on_report(written)
    # Without `refresh`: browsers stop reloading the page.
    write_page(written)
    return written


def training_status(studies: Sequence[Address]) -> str:
    """Return the progress of the processes that train runs of studies, "" if there are none."""
    processes = [status for study in studies for status in process_statuses(study)]
    if not processes:
        return ""
    done, runs = sum(p.done for p in processes), sum(p.runs for p in processes)
    return f"In training: {done} of {runs} runs have ended."


def _parts(studies: Sequence[Address]) -> list[list[str]]:
    """Return the names of each study's parquet files, which change when runs are added."""
    return [reader.part_names(study) for study in studies]


def _report(
    studies: Sequence[Address],
    filters: Sequence[str],
    interval: float,
    on_report: Callable[[Report], None],
    question: Question,
) -> Report | None:
    """Write the report; None if no run has ended yet."""
    try:
        written = report(studies, filters, interval, question)
    except NotFound:
        return None
    on_report(written)
    return written
