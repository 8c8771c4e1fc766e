"""The folder of a report."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from adamcmp.platform.addresses import Address, local_folder

#: Maximum length of a folder's name that spells out conditions.
_LONGEST = 100


def report_folder(studies: Sequence[Address], conditions: Sequence[str] = ()) -> Path:
    """Return the folder of the report of one study, or of several studies pooled.

    The report of a study in a bucket is written to this machine, see `local_folder`.

    A report of the runs that meet conditions has a folder of its own in that of all runs, so that
    neither replaces the other.

    >>> report_folder([Path("results/first"), Path("results/second")]).as_posix()
    'results/first+second/report'
    >>> report_folder([Path("results/first")], ["optimizer=adamw", "lr=0.1"]).as_posix()
    'results/first/report/lr=0.1,optimizer=adamw'

    Args:
        studies: The folders or URLs of the studies.
        conditions: What selects or changes the report, such as ``"lr=0.001"``; in any order.
    """
    first = local_folder(studies[0])
    folder = first.with_name("+".join(study.name for study in studies)) / "report"
    return folder / _folder_name(conditions) if conditions else folder


def _folder_name(conditions: Sequence[str]) -> str:
    """Return the conditions as a folder's name; with a digest where it cannot spell them out."""
    text = ",".join(sorted(conditions))
    # Other characters may take several bytes, of which a file's name has a limited number.
    name = re.sub(r"[^\w.,=+-]+", "_", text, flags=re.ASCII)[:_LONGEST]
    if name == text and not name.startswith("."):
        return name
    return f"{name.lstrip('.')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
