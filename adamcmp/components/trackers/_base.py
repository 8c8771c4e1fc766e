"""The base of all experiment trackers."""

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
    """The metrics of a run at one step.

    Attributes:
        step: Number of steps taken.
        time: Time of the evaluation, in seconds since 1970.
        values: Metrics, by column of `metrics`.
    """

    step: int
    time: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class TrackedRun:
    """A stored run, as written to a tracker.

    Attributes:
        study: The study's name.
        run_id: The run's id.
        name: Display name: the first digits of the id, optimizer, lr, wd and seed.
        settings: Settings and provenance, by column of `runs`.
        outcome: Outcome of the run: ``status``, ``error`` (first line), ``best_step``, …
        best: Metrics at the evaluation with the best validation metric, by column of `runs`.
        evaluations: The evaluations, in the order of steps.
        began: Start of the run, in seconds since 1970.
        ended: End of the run, in seconds since 1970.
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
        """Whether the run crashed."""
        return bool(self.outcome["status"] == "failed")


class Tracker(Component):
    """Writes stored runs to an experiment tracker. It does not affect results.

    Attributes:
        name: Name of the module that defines the tracker.
    """

    name: str

    #: The required package and its minimum major version; None if no package is required.
    needs: ClassVar[tuple[str, int] | None] = None

    def check(self) -> None:
        """Check that the tracker's package is installed.

        Raises:
            ConfigError: If it is missing or too old; the message has the command that installs it.
        """
        if self.needs is None:
            return
        package, lowest = self.needs
        install = f"pip install 'adamcmp[{self.name}]'"
        if importlib.util.find_spec(package) is None:
            raise ConfigError(f"logger={self.name} needs the package {package}: {install}")
        version = package_version(package)
        major = version.partition(".")[0]
        if major.isdigit() and int(major) < lowest:
            raise ConfigError(
                f"logger={self.name} needs {package} {lowest} or newer, not {version}: {install}"
            )

    @abstractmethod
    def write(self, folder: Path, runs: Iterable[TrackedRun]) -> Iterator[str]:
        """Write runs to the tracker, replacing existing ones.

        It is called in a separate process, so that the library's changes to its process, to the
        terminal and to signal handlers do not affect training.

        Args:
            folder: Existing folder of the study for this tracker's files.
            runs: The runs to write.

        Yields:
            The id of each run, once it is written.

        Raises:
            Exception: If the library raises an exception. The next command writes the run again.
        """
