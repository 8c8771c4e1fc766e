"""The plan of a command: its runs, their numerics and the predicted time."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from adamcmp.config import Numerics, StudyConfig
from adamcmp.planning.cost_model import CostModel
from adamcmp.planning.grouping import LaneGroup, resumed_groups
from adamcmp.planning.numerics import (
    missing_compiler_notice,
    replaced_engine_notice,
    resolve_numerics,
)
from adamcmp.planning.run_kinds import RunKind, run_kinds_by_key
from adamcmp.planning.specs import RunSpec, run_specs


@dataclass(frozen=True)
class Plan:
    """What a command trains.

    A plan is immutable. `without` and `only` return a new plan, for example without the runs that
    are finished or reserved by another process.

    Attributes:
        numerics: The study's numerics.
        specs: The runs, each once, in the order requested.
        run_kinds: The kinds of runs in the whole request, by key.
        costs: Predicted times; empty until timings are measured.
        notice: Message to the user on how the runs are trained; None if there is none.
    """

    numerics: Numerics
    specs: tuple[RunSpec, ...]
    run_kinds: Mapping[str, RunKind]
    costs: CostModel = field(default_factory=CostModel)
    notice: str | None = None

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of the runs."""
        return tuple(spec.run_id for spec in self.specs)

    def without(self, run_ids: Container[str]) -> Self:
        """Return the plan without some runs."""
        specs = tuple(spec for spec in self.specs if spec.run_id not in run_ids)
        return replace(self, specs=specs)

    def only(self, run_ids: Container[str]) -> Self:
        """Return the plan restricted to some runs."""
        return replace(self, specs=tuple(spec for spec in self.specs if spec.run_id in run_ids))

    def with_costs(self, costs: CostModel) -> Self:
        """Return the plan with predicted times."""
        return replace(self, costs=costs)

    def one_per_run_kind(self) -> dict[str, RunSpec]:
        """Return the first run of each kind in the plan, by run kind key."""
        first: dict[str, RunSpec] = {}
        for spec in self.specs:
            first.setdefault(spec.run_kind, spec)
        return first

    def groups(self, checkpoints: Iterable[Collection[str]] = ()) -> tuple[LaneGroup, ...]:
        """Return the runs as groups of lanes, the longest first.

        Args:
            checkpoints: The run ids of each existing checkpoint; these runs stay together.
        """
        return self.costs.longest_first(resumed_groups(self.specs, checkpoints, self.costs.width))


def make_plan(config: StudyConfig, recorded: Numerics | None) -> Plan:
    """Return the plan of a study's runs.

    Args:
        config: The request.
        recorded: The numerics that the study was created with; None for a new study.

    Raises:
        AdamcmpError: If the request contradicts the study, or a dataset cannot be read.
    """
    run_kinds = run_kinds_by_key(config.runs)
    study = config.location.study
    cluster = config.execution.cluster
    numerics = resolve_numerics(config.numerics, recorded, run_kinds.values(), study, cluster)
    specs = run_specs(config, numerics)
    notices = [replaced_engine_notice(config.numerics, specs)]
    if recorded is None:
        notices.append(missing_compiler_notice(config.numerics, numerics, run_kinds.values()))
    notice = " ".join(text for text in notices if text) or None
    return Plan(numerics, specs, run_kinds, notice=notice)
