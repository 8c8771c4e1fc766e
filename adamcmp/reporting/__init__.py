"""A study's report: verdicts, fairness audit, tables and plots, as files and as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adamcmp.analysis.question import ALL_PAIRS, Question
from adamcmp.platform.addresses import Address
from adamcmp.platform.files import storage_errors, write_atomically
from adamcmp.plots import FORMATS
from adamcmp.reporting.answer import Answer, compute_answer, failure, record_looks
from adamcmp.reporting.folders import report_folder
from adamcmp.reporting.formats import as_csv, as_markdown
from adamcmp.reporting.page import render_page
from adamcmp.reporting.pooling import load_table
from adamcmp.reporting.rendering import RenderedPlot, render_plots

__all__ = [
    "Answer",
    "Report",
    "compute_answer",
    "load_table",
    "record_looks",
    "report",
    "report_folder",
    "write_page",
]


@dataclass(frozen=True)
class Report:
    """A report that was written.

    Attributes:
        folder: The folder that contains it.
        answer: The report's contents.
        plots: The plots, including those that could not be drawn.
        files: All files that were written.
    """

    folder: Path
    answer: Answer
    plots: tuple[RenderedPlot, ...]
    files: tuple[Path, ...]


def report(
    studies: Sequence[Address],
    filters: Sequence[str] = (),
    refresh: float | None = None,
    question: Question = ALL_PAIRS,
) -> Report:
    """Write the report of one study, or of several studies pooled.

    Args:
        studies: Folders of studies. The report of one study is written to its folder ``report``,
            that of several studies to ``first+second/report`` next to the first.
        filters: Conditions that runs must meet, such as ``"lr=0.001"``. The report of these runs is
            in a folder named after the conditions, in that of all runs.
        refresh: Seconds after which a browser reloads the page; None for a static page.
        question: What the comparisons ask.

    Raises:
        StoreError: If a file of a study is damaged or the report cannot be written.
        NotFound: If no completed run meets the conditions.
        ConfigError: If a condition or the question is invalid, or settings cannot be selected.
    """
    answer = record_looks(compute_answer(studies, filters, question))
    folder = report_folder(studies, filters)
    with storage_errors(folder, "`adamcmp report --format md` prints the tables."):
        folder.mkdir(parents=True, exist_ok=True)
        plots = render_plots(answer.table, folder)
        files = [file for plot in plots for file in plot.files] + _write_tables(answer, folder)
        names = [*(plot.name for plot in plots), *(table.name for table in answer.tables)]
        _remove_outdated(folder, files, names)
    failures = [failure(plot, answer.name) for plot in plots if plot.error]
    answer = replace(answer, findings=(*failures, *answer.findings))
    written = Report(folder, answer, plots, (folder / "index.html", *files))
    write_page(written, refresh)
    return written


def _write_tables(answer: Answer, folder: Path) -> list[Path]:
    """Write each table with data as csv and Markdown, and return the files."""
    files = []
    for table in answer.tables:
        if table.data is None:
            continue
        for suffix, text in (("csv", as_csv(table)), ("md", as_markdown(table))):
            files.append(folder / f"{table.name}.{suffix}")
            write_atomically(files[-1], text.encode())
    return files


def _remove_outdated(folder: Path, files: Sequence[Path], names: Sequence[str]) -> None:
    """Remove plots and tables of an earlier report that this one does not have."""
    for path in folder.iterdir():
        if path.stem in names and path.suffix[1:] in (*FORMATS, "csv", "md") and path not in files:
            path.unlink()


def write_page(written: Report, refresh: float | None = None) -> None:
    """Write the HTML page of a report.

    Args:
        written: The report.
        refresh: Seconds after which a browser reloads the page; None for a static page.

    Raises:
        StoreError: If the page cannot be written.
    """
    with storage_errors(written.folder):
        content = render_page(written.answer, written.plots, refresh)
        write_atomically(written.folder / "index.html", content.encode())
