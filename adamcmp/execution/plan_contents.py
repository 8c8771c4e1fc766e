"""What a plan on disk has: a header and the groups of each share."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Self

from pydantic import TypeAdapter

from adamcmp.errors import ConfigError
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.cache import source_digest
from adamcmp.platform.provenance import package_version


@dataclass(frozen=True)
class PlannedGroup:
    """A lane group of a plan, or runs that the worker groups.

    Attributes:
        specs: The runs.
        attempts: The attempt number of each run.
        grouped: Whether the runs are a lane group.
    """

    specs: tuple[RunSpec, ...]
    attempts: Mapping[str, int]
    grouped: bool = True

    def only(self, run_ids: Collection[str]) -> Self:
        """Return the group restricted to some runs."""
        specs = tuple(spec for spec in self.specs if spec.run_id in run_ids)
        attempts = {spec.run_id: self.attempts[spec.run_id] for spec in specs}
        return replace(self, specs=specs, attempts=attempts)


@dataclass(frozen=True)
class PlanHeader:
    """The properties of a plan that are read without its runs.

    Attributes:
        overrides: The overrides of the command.
        owner: The id of the worker with which the plan ends; empty for a standing plan.
        lease_seconds: The length of the leases of its workers.
        share_runs: The number of runs of each share.
        share_seconds: The predicted time of each share; None if it is unknown.
        example_rows: The row of the first run of each kind.
        versions: The versions with which it was made; see `installed_versions`.
        mixed_versions: Whether other versions may train its runs.
        executor: The name of the executor whose jobs train the plan, such as ``slurm``; empty for
            none.
    """

    overrides: tuple[str, ...]
    owner: str = ""
    lease_seconds: float = 180.0
    share_runs: tuple[int, ...] = ()
    share_seconds: tuple[float | None, ...] = ()
    example_rows: tuple[int, ...] = ()
    versions: Mapping[str, str] = field(default_factory=lambda: installed_versions())
    mixed_versions: bool = False
    executor: str = ""

    @property
    def runs(self) -> int:
        """The number of runs."""
        return sum(self.share_runs)

    @property
    def ungrouped_runs(self) -> int:
        """The number of runs that the workers group, since their times are unknown."""
        shares = zip(self.share_runs, self.share_seconds, strict=True)
        return sum(runs for runs, seconds in shares if seconds is None)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Return the header in the metadata of a plan's file.

        Raises:
            ConfigError: If another version of adamcmp wrote it, with other keys.
            KeyError: If a key is missing.
            ValueError: If it is not JSON.
        """
        values = json.loads(content)
        if unknown := values.keys() - {each.name for each in fields(cls)}:
            raise ConfigError(
                f"it has {', '.join(sorted(unknown))}, which this version of adamcmp does not "
                f"know; adamcmp {values['versions']['adamcmp']} wrote it. Install that version"
            )
        names = ("overrides", "share_runs", "share_seconds", "example_rows")
        tuples = {name: tuple(values[name]) for name in names}
        header: Self = TypeAdapter(cls).validate_python({**values, **tuples})
        return header


def installed_versions() -> dict[str, str]:
    """Return the versions here of what determines the bits of a run.

    That of the training code is a digest. It also differs between commits of one version of
    adamcmp.
    """
    packages = {name: package_version(name) for name in ("adamcmp", "torch")}
    return {**packages, "training code": source_digest()}
