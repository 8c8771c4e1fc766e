"""The base of all loggers."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from adamcmp.components.registry import Component
from adamcmp.errors import ConfigError
from adamcmp.platform.provenance import package_version


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a run at one step.

    Attributes:
        step: Steps taken.
        time: When, in seconds since 1970.
        values: What was measured, by column of `metrics`.
    """

    step: int
    time: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class TrackedRun:
    """A stored run, as a tracker shows it.

    Attributes:
        study: The study's name.
        run_id: The run's id.
        name: Its name for people: the first digits of its id, optimizer, lr, wd and seed.
        settings: What was asked of it, and what computed it, by column of `runs`.
        outcome: How it ended: ``status``, ``error`` (its first line), ``best_step``, …
        best: Metrics at the evaluation with the best validation metric, by column of `runs`.
        evaluations: What was measured along the run, in the order of steps.
        began: When, in seconds since 1970.
        ended: When.
    """

    study: str
    run_id: str
    name: str
    settings: Mapping[str, Any]
    outcome: Mapping[str, Any]
    best: Mapping[str, float]
    evaluations: tuple[Evaluation, ...]
    began: float
    ended: float

    @property
    def failed(self) -> bool:
        """Whether it crashed."""
        return bool(self.outcome["status"] == "failed")


class Tracker(Component):
    """Mirrors stored runs to a tracker. No number depends on it.

    Attributes:
        name: The file in this room that holds the logger.
    """

    name: str

    #: The package that it needs, and the oldest major version of it.
    needs: ClassVar[tuple[str, int] | None] = None

    def check(self) -> None:
        """Refuse a tracker whose library is not here.

        Raises:
            ConfigError: With the command that installs it.
        """
        if self.needs is None:
            return
        package, oldest = self.needs
        install = f"pip install 'adamcmp[{self.name}]'"
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"logger={self.name} needs the package {package}: {install}")
        version = package_version(package)
        major = version.partition(".")[0]
        if major.isdigit() and int(major) < oldest:
            raise ConfigError(
                f"logger={self.name} needs {package} {oldest} or newer, not {version}: {install}"
            )

    @abstractmethod
    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """Write runs to the tracker; what it holds of them already is replaced.

        Called in a process of its own, so that what a tracker's library does to its process, to
        the terminal or to signals does not reach training.

        Args:
            folder: A folder of the study's for this tracker; it exists.
            runs: What to write.

        Yields:
            The id of each run, once it is written.

        Raises:
            Exception: Whatever the library raises; the run is tried again with the next command.
        """
