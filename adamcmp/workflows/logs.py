"""The output of the jobs of a study."""

from __future__ import annotations

from pathlib import Path

from adamcmp.errors import ConfigError
from adamcmp.execution.launched_jobs import JOBS_FOLDER
from adamcmp.platform.addresses import Address
from adamcmp.storage.reader import study_folder
from adamcmp.storage.store import Store


def job_outputs(root: Address, study: str, lines: int) -> dict[Path, list[str]]:
    """Return the last lines of the output of each job of a study, the latest job last.

    Args:
        root: The folder of all studies.
        study: The study's name.
        lines: Number of lines.

    Raises:
        ConfigError: If `lines` is not positive.
        NotFound: If the study does not exist.
    """
    if lines < 1:
        raise ConfigError(f"--lines {lines}: should be at least 1.")
    folder = Store(study_folder(root, study)).files.path / JOBS_FOLDER
    logs = [path for pattern in ("*.out", "*.log") for path in folder.glob(pattern)]
    return {
        path: path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        for path in sorted(logs, key=lambda path: path.stat().st_mtime_ns)
    }
