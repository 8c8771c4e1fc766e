"""The configuration of a study: its runs, results folder and execution."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, SerializeAsAny, field_validator, model_validator

from adamcmp.components.executors import ClusterSettings, ExecutorSettings
from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.registry import Component
from adamcmp.components.trackers import NO_TRACKER, Tracker
from adamcmp.components.user_rule import is_users_rule
from adamcmp.config.numerics import Numerics
from adamcmp.config.protocol import NonNegativeInt, PositiveInt
from adamcmp.config.run_config import RunConfig
from adamcmp.platform.addresses import Address, address

#: Version of the defaults. A study records the version that it was created with, and keeps it.
DEFAULTS_VERSION = 2
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: Device names of Windows, which cannot be folder names on Windows.
_RESERVED = re.compile(r"(con|nul|aux|prn|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class Execution(Component):
    """The distribution of work over processes. It does not affect results.

    Attributes:
        executor: Where runs are trained, with its settings: ``serial`` trains in this process,
            ``pool`` in worker processes, and each other one in the jobs of a cluster. None selects
            ``serial`` for a single run or ``workers=0``, otherwise ``pool``. A name without
            settings selects the default settings.
        workers: Number of worker processes; on a cluster, those of each worker. None starts one per
            core (one on a GPU). 0 trains in this process, for debugging.
        checkpoint_every: Seconds between checkpoints of a group in training.
        lease_seconds: Seconds without a heartbeat of a worker after which other workers train its
            runs. A worker writes several heartbeats in this time.
        mixed_versions: Whether workers with another version of adamcmp, of its training code or of
            torch may train the runs.
    """

    executor: SerializeAsAny[ExecutorSettings] | None = None
    workers: NonNegativeInt | None = None
    checkpoint_every: Annotated[float, Field(gt=0)] = 30.0
    lease_seconds: Annotated[float, Field(ge=1)] = 180.0
    mixed_versions: bool = False

    @field_validator("executor", mode="before")
    @classmethod
    def _of_its_name(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return CONFIG_GROUPS["executor"].component(value).model_validate({"name": value})

    @property
    def executor_name(self) -> str | None:
        """The name of the executor; None if it follows from the number of runs."""
        return self.executor.name if self.executor else None

    @property
    def cluster(self) -> ClusterSettings | None:
        """The cluster whose jobs train; None to train on this machine."""
        return self.executor if isinstance(self.executor, ClusterSettings) else None


Objective = Literal[
    "val_error",
    "val_balanced_error",
    "val_loss",
    "val_rmse",
    "best_val_error",
    "best_val_balanced_error",
    "best_val_loss",
    "best_val_rmse",
]


class Search(Component):
    """Settings of a search of ranges, such as ``lr=tag(log,interval(1e-4,1e-1))``.

    Attributes:
        sampler: Optuna's sampler that proposes settings: ``random``; ``sobol``, a scrambled
            Sobol' sequence; ``tpe``, tree-structured Parzen estimators; ``cmaes``. None trains
            a grid.
        n: Settings tried for each optimizer (or other choice of config groups).
        batch: Number of settings proposed and trained at once. None selects 16.
        objective: The metric to minimize, averaged over seeds. None selects that of
            `Protocol.select`.
    """

    sampler: Literal["random", "sobol", "tpe", "cmaes"] | None = None
    n: Annotated[int, Field(ge=1, le=100_000)] | None = None
    batch: PositiveInt | None = None
    objective: Objective | None = None

    @model_validator(mode="after")
    def _complete_or_absent(self) -> Search:
        if (self.sampler is None) != (self.n is None):
            raise ValueError("a search needs both sampler=random|sobol|tpe|cmaes and n=64")
        for name in ("batch", "objective"):
            if self.sampler is None and getattr(self, name) is not None:
                raise ValueError(
                    f"{name}= is for a search, which needs both "
                    f"sampler=random|sobol|tpe|cmaes and n=64"
                )
        return self


NO_SEARCH = Search()


class ResultsLocation(Component):
    """The place of a study's results: ``<results>/<study>/``.

    Attributes:
        study: Name of the study. None selects ``scratch`` for a run, and a name that is derived
            from the overrides for a sweep.
        results: The folder of all studies, or a URL such as ``s3://my-bucket/studies``:
            ``$ADAMCMP_RESULTS``, otherwise ``results``.
    """

    study: str
    results: str

    @field_validator("study")
    @classmethod
    def _folder_name(cls, value: str) -> str:
        if not _FOLDER_NAME.fullmatch(value) or _RESERVED.fullmatch(value):
            raise ValueError(
                "should be a plain folder name of at most 64 characters: letters from a to z, "
                "digits, '.', '_' and '-', starting with a letter or digit"
            )
        return value

    @field_validator("results")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("should be the path of a folder, or a URL")
        address(value)  # raises ConfigError for a URL that cannot be used
        return value

    @property
    def folder(self) -> Address:
        """The study's folder on this machine, or its URL."""
        return address(self.results) / self.study


@dataclass(frozen=True)
class StudyConfig:
    """All runs of a command, and the settings that they share.

    Attributes:
        runs: The runs, in the order of the command line's grid.
        location: The folder of the results.
        numerics: The numerics that all runs share.
        execution: The distribution of work over processes.
        overrides: The overrides of the command, stored with the runs so that it can be repeated.
        search: The settings of a search of ranges.
        tracker: The experiment tracker that stored runs are also written to.
        flags: Flags of the command that the overrides depend on, such as ``--config-dir``.
        notices: What the user should know about the overrides.
        later_runs: The number of runs that later stages of the command add.
        addition: What the command adds to a study, recorded so that it can be completed after an
            interruption; empty if the overrides determine the runs.
    """

    runs: tuple[RunConfig, ...]
    location: ResultsLocation
    numerics: Numerics
    execution: Execution
    overrides: tuple[str, ...]
    search: Search = NO_SEARCH
    tracker: Tracker = NO_TRACKER
    flags: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    later_runs: int = 0
    addition: Mapping[str, Any] = field(default_factory=dict)

    @property
    def imports_code(self) -> bool:
        """Whether the runs have classes of the user's code."""
        # Runs share components.
        components = {id(c): c for run in self.runs for c in run.components().values()}
        rules = {run.optimizer.rule for run in self.runs}
        imported = any(component.imported_code() for component in components.values())
        return imported or any(map(is_users_rule, rules))
