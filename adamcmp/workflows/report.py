"""Locate the studies of a report, and format its tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from adamcmp.errors import NotFound
from adamcmp.platform.addresses import Address
from adamcmp.platform.files import storage_errors, write_atomically
from adamcmp.reporting import Answer
from adamcmp.reporting.formats import FORMATS
from adamcmp.storage.reader import study_folder

#: Seconds between two attempts to find a study that does not exist yet.
RETRY_EVERY = 0.5


def study_folders(root: Address, names: Sequence[str]) -> list[Address]:
    """Return the folders of studies, each once; without names, the folder of the latest study.

    Raises:
        NotFound: If a study does not exist.
    """
    if not names:
        return [study_folder(root, None)]
    return [study_folder(root, name) for name in dict.fromkeys(names)]


def wait_for_studies(
    root: Address,
    names: Sequence[str],
    timeout: float,
    notify: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> list[Address]:
    """Return the folders of studies, waiting for those that do not exist yet.

    Args:
        root: The results folder.
        names: Names of the studies.
        timeout: Maximum seconds to wait.
        notify: Called once with a message if it has to wait.
        sleep: Called with the seconds to wait between two attempts.

    Raises:
        NotFound: If a study does not exist after the timeout.
    """
    deadline = time.monotonic() + timeout
    waiting = False
    while True:
        try:
            return study_folders(root, names)
        except NotFound as error:
            if time.monotonic() >= deadline:
                raise
            if not waiting:
                notify(f"{error} Waiting {timeout:g} s for it.")
                waiting = True
            sleep(RETRY_EVERY)


def format_tables(answer: Answer, file_format: str) -> str:
    """Return a report's tables as text.

    Args:
        answer: The report's contents.
        file_format: ``md``, ``latex`` or ``csv``. ``csv`` contains only the first table, that of
            the best settings.
    """
    tables = (answer.summary,) if file_format == "csv" else answer.tables
    return "\n".join(FORMATS[file_format](table) for table in tables)


def write_text(path: Path, text: str) -> None:
    """Write a file atomically.

    Raises:
        StoreError: If it cannot be written.
    """
    with storage_errors(path.parent):
        write_atomically(path, text.encode())
