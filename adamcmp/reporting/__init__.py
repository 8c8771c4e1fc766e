"""A study's report: the answer in words, audit, tables, plots, and one page that holds them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adamcmp.platform.files import storage_errors, write_atomically
from adamcmp.plots import FORMATS
from adamcmp.reporting.answer import Answer, answer
from adamcmp.reporting.figures import Picture, pictures
from adamcmp.reporting.page import page
from adamcmp.reporting.tables import as_csv, as_markdown

__all__ = ["Answer", "Report", "answer", "report", "write_page"]


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        folder: Where.
        answer: What it says.
        pictures: The plots.
        files: All files.
    """

    folder: Path
    answer: Answer
    pictures: tuple[Picture, ...]
    files: tuple[Path, ...]


def report(
    studies: Sequence[Path], filters: Sequence[str] = (), refresh: float | None = None
) -> Report:
    """Write the report of a study, or of several as one, into its folder.

    Args:
        studies: Their folders. Several have their report in a folder beside the first that is
            named after all of them, ``first+second/report``.
        filters: Conditions that runs must meet, such as ``"lr=0.001"``.
        refresh: Seconds after which a browser loads the page anew; None for one that is finished.

    Raises:
        StoreError: When a part is damaged or the report cannot be written.
        ConfigError: When no run is left, or settings cannot be chosen.
    """
    found = answer(studies, filters)
    folder = studies[0].with_name("+".join(study.name for study in studies)) / "report"
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        drawn = pictures(found.runs, found.metrics, folder)
        files = [file for picture in drawn for file in picture.files]
        for table in (t for t in found.tables if t.data is not None):
            for suffix, written in (("csv", as_csv), ("md", as_markdown)):
                files.append(folder / f"{table.name}.{suffix}")
                write_atomically(files[-1], written(table).encode())
        _remove_others(folder, files, [*(p.name for p in drawn), *(t.name for t in found.tables)])
    made = Report(folder, found, drawn, (folder / "index.html", *files))
    write_page(made, refresh)
    return made


def _remove_others(folder: Path, files: Sequence[Path], names: Sequence[str]) -> None:
    """Remove what an earlier report, of more runs or others, wrote and this one did not."""
    for path in folder.iterdir():
        if path.stem in names and path.suffix[1:] in (*FORMATS, "csv", "md") and path not in files:
            path.unlink()


def write_page(made: Report, refresh: float | None = None) -> None:
    """Write the page of a report.

    Raises:
        StoreError: When it cannot be written.
    """
    with storage_errors(made.folder):
        content = page(made.answer, made.pictures, refresh)
        write_atomically(made.folder / "index.html", content.encode())
