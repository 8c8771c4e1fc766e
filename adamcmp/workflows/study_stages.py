"""The stages of a study file: its grids, then new seeds of the best settings.

Without candidates there are two stages: the grids, and evaluation seeds of the best settings. With
candidates, the best settings of the grids first get candidate seeds, which rank them again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from adamcmp.analysis import RunTable
from adamcmp.analysis.question import Question
from adamcmp.analysis.selection import rank_settings
from adamcmp.analysis.selection_seeds import MIN_CANDIDATES
from adamcmp.components.trusted_code import TrustedCode, UntrustedCode, trusting
from adamcmp.config import (
    Numerics,
    RunConfig,
    Select,
    StudyConfig,
    compose_study,
    read_study,
)
from adamcmp.errors import ConfigError, nearest
from adamcmp.planning.specs import RunSpec, run_specs
from adamcmp.storage import reader
from adamcmp.storage.store import Store
from adamcmp.workflows.best_settings import runs_of_best_settings, with_seed
from adamcmp.workflows.composing import study_composer


@dataclass(frozen=True)
class SeedStage:
    """A later stage: new seeds of the best settings.

    Attributes:
        settings: The number of best settings on each problem and for each value of `Select.by`.
        seeds: The seeds. They follow those of the earlier stages, which rank the settings.
        are_candidates: Whether the settings are candidates, which these seeds rank again.
    """

    settings: int
    seeds: range
    are_candidates: bool = False

    def count(self, tried: int) -> int:
        """Return how many of the settings that were tried the stage trains.

        At most half of them are candidates. If that is less than five, none are.
        """
        if not self.are_candidates:
            return self.settings
        count = min(self.settings, tried // 2)
        return count if count >= MIN_CANDIDATES else 0


@dataclass(frozen=True)
class StagedStudy:
    """The stages of a study file.

    Attributes:
        grids: The first stage: the runs of the file's grids.
        select: How later stages select settings, and how many new seeds they train; None for a
            study of one stage.
        baseline: The optimizer that the report compares each other one with; None compares all
            pairs.
    """

    grids: StudyConfig
    select: Select | None
    baseline: str | None = None

    @cached_property
    def later_stages(self) -> tuple[SeedStage, ...]:
        """The stages after the grids that have runs."""
        return tuple(stage for stage in self._configured_stages() if self.placeholders(stage))

    def _configured_stages(self) -> tuple[SeedStage, ...]:
        select = self.select
        if select is None:
            return ()
        first = max(run.protocol.seed for run in self.grids.runs) + 1
        if select.candidates is None or select.candidate_seeds is None:
            return (SeedStage(select.top, range(first, first + select.seeds)),)
        evaluation = first + select.candidate_seeds
        return (
            SeedStage(select.candidates, range(first, evaluation), are_candidates=True),
            SeedStage(select.top, range(evaluation, evaluation + select.seeds)),
        )

    @property
    def has_candidates(self) -> bool:
        """Whether a stage trains candidates."""
        return any(stage.are_candidates for stage in self.later_stages)

    def all_stages(self) -> StudyConfig:
        """Return the runs of all stages, to plan them.

        While the best settings are unknown, other settings of the grids are used as placeholders.
        """
        store = Store(self.grids.location.folder)
        numerics, stored = store.numerics(), store.statuses()
        runs = self.grids.runs
        for stage in self.later_stages:
            specs = run_specs(replace(self.grids, runs=runs), numerics) if numerics else ()
            ended = specs and all(spec.run_id in stored for spec in specs)
            runs = (*runs, *(self.runs_of(stage) if ended else self.placeholders(stage)))
        return replace(self.grids, runs=runs)

    def runs_of(self, stage: SeedStage) -> tuple[RunConfig, ...]:
        """Return the runs of a later stage, whose earlier stages have ended.

        Settings are selected among all stored runs that differ from those of the grids only in lr,
        wd and the seed, such as those of `adamcmp extend`.

        Raises:
            ConfigError: If the runs have no validation metric.
        """
        assert self.select is not None
        table, configs = _stored_runs(self.grids, before=stage.seeds.start)
        ranked = rank_settings(table, self.select.by, require_evaluation=False)
        return runs_of_best_settings(ranked, configs, self.select.by, stage.count, stage.seeds)

    def placeholders(self, stage: SeedStage) -> tuple[RunConfig, ...]:
        """Return placeholders for the runs of a later stage: the first settings of each group."""
        assert self.select is not None
        groups: dict[tuple[str, str, str], dict[RunConfig, None]] = {}
        for run in self.grids.runs:
            value = RunSpec.of(run, Numerics()).columns()[self.select.by]
            settings = groups.setdefault((run.dataset.name, run.model.name, str(value)), {})
            # With the same seed, all runs of a setting are equal and count once.
            settings[with_seed(run, stage.seeds.start)] = None
        return tuple(
            with_seed(run, seed)
            for settings in groups.values()
            for run in list(settings)[: stage.count(len(settings))]
            for seed in stage.seeds
        )


def configure_study(
    name: str,
    overrides: Sequence[str] = (),
    scale: str | None = None,
    config_dir: str | None = None,
) -> StagedStudy:
    """Return the stages of a study file.

    Args:
        name: The name of the study file, or the path of a ``.yaml`` file.
        overrides: Overrides, which take precedence over the file's.
        scale: A scale that the file defines, such as ``smoke``; None selects no scale.
        config_dir: A folder of the user's yaml files.

    Raises:
        NotFound: If the file or its scale does not exist.
        ConfigError: If the file or an override is invalid.
    """
    file = read_study(name, config_dir, scale)
    config = compose_study(study_composer(config_dir), name, file, list(overrides), scale)
    if file.select is not None:
        _check_column(config, file.select)
    if file.baseline is not None:
        # A label of a variant, such as "sgd (independent)", begins with the name.
        names = dict.fromkeys(run.optimizer.name for run in config.runs)
        Question(file.baseline.partition(" (")[0]).check(names)
    study = StagedStudy(config, file.select, file.baseline)
    if file.select and file.select.candidates and not study.has_candidates:
        notice = (
            f"no optimizer has {2 * MIN_CANDIDATES} settings or more, so there are no candidates"
        )
        study = replace(study, grids=replace(config, notices=(*config.notices, notice)))
    return study


def _check_column(config: StudyConfig, select: Select) -> None:
    """Check that ``select.by`` names a column of runs, before anything is trained.

    Raises:
        ConfigError: If it does not; the message names the nearest column.
    """
    known = RunSpec.of(config.runs[0], config.numerics).columns()
    if select.by not in known:
        raise ConfigError(
            f"select.by={select.by}: runs have no such column.{nearest(select.by, known)}"
        )


def _stored_runs(grids: StudyConfig, before: int) -> tuple[RunTable, dict[str, RunConfig]]:
    """Return the stored runs that compete with those of the grids, and their configurations.

    Args:
        grids: The runs of the grids.
        before: Only runs with smaller seeds are returned.
    """
    folder = grids.location.folder
    rows = reader.read_final_rows(folder)
    stored = _configs(rows, grids)
    families = {_family(run) for run in grids.runs}
    configs = {
        run_id: config
        for run_id, config in stored.items()
        if config.protocol.seed < before and _family(config) in families
    }
    runs = reader.load_runs(folder)
    return RunTable.from_frames(runs[runs["run_id"].isin(list(configs))]), configs


def _configs(rows: Mapping[str, Mapping[str, Any]], grids: StudyConfig) -> dict[str, RunConfig]:
    """Return the configurations of stored runs that name no other code than those of the grids."""
    components = [c for run in grids.runs for c in run.components().values()]
    named = {path for component in components for path in component.imported_code().values()}
    configs = {}
    with trusting(TrustedCode(named_in=tuple(named))):
        for run_id, row in rows.items():
            with contextlib.suppress(UntrustedCode):
                configs[run_id] = RunConfig.from_columns(row)
    return configs


def _family(config: RunConfig) -> tuple[str, ...]:
    """Return everything that can change a run's numbers, except lr, wd and the seed."""
    neutral = config.optimizer.model_copy(update={"lr": 0.0, "weight_decay": 0.0})
    values = with_seed(replace(config, optimizer=neutral), 0).canonical_values()
    return tuple(values[key] for key in sorted(values))
