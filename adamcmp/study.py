"""The whole pipeline on one page: config → plan → pending → groups → train → store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adamcmp import frame
from adamcmp.config import Composer, Numerics, StudyConfig
from adamcmp.errors import ConfigError, RunFailed
from adamcmp.executors import serial
from adamcmp.grouping import LaneGroup, group, structure
from adamcmp.plan import RunSpec, plan
from adamcmp.provenance import hardware, software
from adamcmp.store import Store
from adamcmp.types import Done, Failed, Outcome

if TYPE_CHECKING:
    import pandas as pd

    from adamcmp.training import Progress

FINISHED = ("done", "diverged")


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
        return frame.load(self.folder)


Planned = Callable[[tuple[RunSpec, ...], tuple[LaneGroup, ...]], None]


@dataclass(frozen=True)
class Watcher:
    """What a command line shows while a study is trained; all of it may stay silent.

    Attributes:
        planned: Called once with the runs asked, each once, and the groups that are to train.
        progress: Called as a group's training goes on.
        finished: Called with each group and its outcome, after it is stored.
    """

    planned: Planned = lambda specs, groups: None
    progress: Callable[[Progress], None] = lambda progress: None
    finished: Callable[[LaneGroup, Outcome], None] = lambda group, outcome: None


@dataclass(frozen=True)
class Executed:
    """What became of a command: its runs, and which of them were there already."""

    folder: Path
    specs: tuple[RunSpec, ...]
    trained: tuple[str, ...]
    failed: tuple[Failed, ...]


def execute(
    config: StudyConfig, watcher: Watcher | None = None, *, force: bool = False
) -> Executed:
    """Train those of a study's runs that are not in its folder yet.

    Args:
        config: What was asked.
        watcher: What to tell as it goes on.
        force: Train runs anew that are there already.

    Raises:
        AdamcmpError: When something asked for cannot be trained; nothing has been written then.
    """
    watcher = watcher or Watcher()
    _check_device(config.numerics.device)
    store = Store(config.place.folder)
    numerics = store.settle(config.numerics, _auto_device)
    specs = plan(config, numerics)
    there = store.statuses()
    pending = [s for s in specs if force or there.get(s.run_id) not in FINISHED]
    groups = group(pending)
    _check(groups)
    watcher.planned(specs, groups)
    failed = _train(groups, store, config, numerics, watcher) if groups else []
    return Executed(store.folder, specs, tuple(s.run_id for s in pending), tuple(failed))


def _check(groups: tuple[LaneGroup, ...]) -> None:
    """Refuse what cannot be trained, before anything is written."""
    if not groups:
        return
    # Imported here since it imports torch, which reading what is there already does not need.
    from adamcmp.training import check_group

    _check_device(groups[0].specs[0].numerics.device)
    for each in {structure(each.specs[0]): each for each in groups}.values():
        check_group(each)


def _train(
    groups: tuple[LaneGroup, ...],
    store: Store,
    config: StudyConfig,
    numerics: Numerics,
    watcher: Watcher,
) -> list[Failed]:
    """Train groups and store each as it is done; return those that crashed."""
    from adamcmp.training import train_group

    about = {**software(), "hardware": hardware(numerics.device)}
    store.prepare(numerics, config.words, about)
    failed = []
    outcomes = serial(lambda each: train_group(each, watcher.progress), groups)
    for each, outcome in zip(groups, outcomes, strict=True):
        store.append(*_rows(each, outcome, config.place.study))
        if isinstance(outcome, Failed):
            failed.append(outcome)
        watcher.finished(each, outcome)
    return failed


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
    """
    done = execute(Composer().run(overrides), force=force)
    return summary(done)


def sweep(overrides: Iterable[str] = ()) -> Study:
    """Train every run of a grid that is not there yet.

    Args:
        overrides: The words of a command line, comma lists and Hydra's sweep functions among
            them, such as ``["optimizer=adam_l2,adamw", "seed=range(5)"]``.

    Raises:
        ConfigError: When a word is wrong.
        RunFailed: When training of a run crashed; the others are stored.
    """
    done = execute(Composer().sweep(overrides))
    if done.failed:
        raise RunFailed(f"{sum(len(f.run_ids) for f in done.failed)} runs: {done.failed[0].error}")
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
    return Study(frame.study_folder(Path(root).expanduser(), study))


def summary(done: Executed) -> dict[str, Any]:
    """Return the row of the one run of a command, and its folder.

    Raises:
        RunFailed: When it crashed.
    """
    run_id = done.specs[0].run_id
    table = frame.runs_table(done.folder)
    rows = [row for row in table.to_pylist() if row["run_id"] == run_id]
    if rows[-1]["status"] == "failed":
        first = rows[-1]["error"].splitlines()[0]
        raise RunFailed(f"The run crashed: {first} (`adamcmp show {run_id}` has the traceback).")
    return {**rows[-1], "folder": str(done.folder)}


def _rows(
    lanes: LaneGroup, outcome: Outcome, study: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    if isinstance(outcome, Done):
        return [{**row, "study": study} for row in outcome.runs], outcome.metrics
    ended = {
        **software(),
        "hardware": hardware(lanes.specs[0].numerics.device),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "study": study,
        "status": "failed",
        "error": f"{outcome.error}\n\n{outcome.traceback}".strip(),
    }
    return [{**spec.columns(), **ended} for spec in lanes.specs], []


def _auto_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _check_device(device: str) -> None:
    if device == "cuda" and _auto_device() == "cpu":
        raise ConfigError("device=cuda: torch finds no CUDA GPU here. Use device=cpu.")
