"""The Python face: what the command line does, for programs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp.config import Composer
from adamcmp.errors import RunFailed, RunInProgress
from adamcmp.execution.execute import ExecutionResult
from adamcmp.execution.workers import Workers
from adamcmp.storage import reader
from adamcmp.workflows.search import Searching
from adamcmp.workflows.train import train

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Study:
    """A study on disk.

    Attributes:
        folder: Where it is.
    """

    folder: Path

    @property
    def name(self) -> str:
        """The study's name."""
        return self.folder.name

    @property
    def runs(self) -> pd.DataFrame:
        """One row a run; columns as DESIGN and the README name them."""
        return self._tables[0]

    @property
    def metrics(self) -> pd.DataFrame:
        """One row per run and evaluation."""
        return self._tables[1]

    @cached_property
    def _tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return reader.load(self.folder)


def run(overrides: Iterable[str] = (), *, force: bool = False) -> dict[str, Any]:
    """Train one run, or read it where it is there already.

    Args:
        overrides: The words of a command line, such as ``["optimizer=adamw", "wd=0.01"]``.
        force: Train it anew.

    Returns:
        The run's row of `runs`, and ``folder``.

    Raises:
        ConfigError: When a word is wrong.
        RunFailed: When training crashed.
        RunInProgress: When another process is training it.
    """
    done = train(Composer().run(overrides), force=force)
    return summary(done)


def sweep(overrides: Iterable[str] = ()) -> Study:
    """Train every run of a grid that is not there yet, or search ranges.

    Args:
        overrides: The words of a command line, comma lists and Hydra's sweep functions among
            them, such as ``["optimizer=adam_l2,adamw", "seed=range(5)"]``.

    Raises:
        ConfigError: When a word is wrong.
        RunFailed: When training of a run crashed; the others are stored.
        RunInProgress: When another process is training some of them; the others are stored.
    """
    words = overrides if isinstance(overrides, str) else list(overrides)
    composer = Composer()
    if composer.is_search(words):
        with Workers() as workers:
            done: ExecutionResult = Searching(composer, words).run(partial(train, workers=workers))
    else:
        done = train(composer.sweep(words))
    if done.in_progress:
        raise RunInProgress(done.in_progress_message)
    if done.failed:
        errors = reader.read_runs(done.folder, ["run_id", "error"]).to_pylist()
        first = next(r["error"] for r in reversed(errors) if r["run_id"] == done.failed[0])
        raise RunFailed(
            f"{len(done.failed)} of {len(done.specs)} runs failed: {first.splitlines()[0]} "
            f"(`adamcmp show {done.failed[0]}` has the traceback)."
        )
    return Study(done.folder)


def load(study: str | None = None, results: str | None = None) -> Study:
    """Return a study on disk.

    Args:
        study: Its name; None takes the latest.
        results: The folder of all studies; None takes ``$ADAMCMP_RESULTS`` or ``results``.

    Raises:
        NotFound: When there is none of that name.
    """
    root = results or os.environ.get("ADAMCMP_RESULTS", "results")
    return Study(reader.study_folder(Path(root).expanduser(), study))


def summary(done: ExecutionResult) -> dict[str, Any]:
    """Return the row of the one run of a command, and its folder.

    Raises:
        RunFailed: When it crashed.
        RunInProgress: When another process is training it.
    """
    run_id = done.specs[0].run_id
    if done.in_progress:
        raise RunInProgress(done.in_progress_message)
    table = reader.read_runs(done.folder)
    rows = [row for row in table.to_pylist() if row["run_id"] == run_id]
    if rows[-1]["status"] == "failed":
        first = rows[-1]["error"].splitlines()[0]
        raise RunFailed(f"The run crashed: {first} (`adamcmp show {run_id}` has the traceback).")
    return {**rows[-1], "folder": str(done.folder)}
