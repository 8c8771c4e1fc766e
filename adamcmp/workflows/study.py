"""Train a study file in two stages: its grids, then new seeds of the best settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp.analysis import RunTable
from adamcmp.config import (
    Numerics,
    RunConfig,
    Select,
    StudyConfig,
    compose_study,
    read_study,
    study_files,
)
from adamcmp.errors import ConfigError, nearest
from adamcmp.execution.execute import study_numerics
from adamcmp.execution.workers import Workers
from adamcmp.planning.specs import RunSpec, run_specs
from adamcmp.storage import reader
from adamcmp.storage.store import Store
from adamcmp.workflows.components import describe
from adamcmp.workflows.composing import study_composer
from adamcmp.workflows.training import SweepResult, TrainingOptions, train

if TYPE_CHECKING:
    from adamcmp.reporting import Report


@dataclass(frozen=True)
class StagedStudy:
    """The stages of a study file.

    Attributes:
        grids: The first stage: the runs of the file's grids.
        select: How the second stage selects settings, and how many new seeds it trains; None for
            a study of one stage.
    """

    grids: StudyConfig
    select: Select | None

    def both_stages(self) -> StudyConfig:
        """Return the runs of both stages, to plan them.

        While the best settings are unknown, other settings of the grids are used as placeholders.
        """
        return both_stages(self.grids, self.select) if self.select else self.grids


@dataclass(frozen=True)
class StudyResult:
    """The outcome of training and reporting a study file.

    Attributes:
        stages: The result of each stage. The second stage is omitted while another process trains
            runs of the first stage, since the best settings are unknown.
        report: The report; None if none was requested, or another process trains some of the runs.
    """

    stages: tuple[SweepResult, ...]
    report: Report | None = None

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return self.stages[0].folder

    @property
    def in_progress(self) -> bool:
        """Whether another process is training some of the runs."""
        return bool(self.stages[-1].in_progress)

    @property
    def complete(self) -> bool:
        """Whether every requested run is done or diverged."""
        return all(stage.complete for stage in self.stages)


def list_study_files(config_dir: str | None = None) -> dict[str, str]:
    """Return the names of study files and their one-line descriptions.

    Raises:
        ConfigError: If `config_dir` is not a folder.
    """
    return {name: describe(path) for name, path in study_files(config_dir).items()}


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
        check_select(config, file.select)
    return StagedStudy(config, file.select)


def train_study(
    study: StagedStudy,
    options: TrainingOptions,
    *,
    report: bool = True,
    on_trained: Callable[[StudyResult], None] = lambda result: None,
) -> StudyResult:
    """Train the grids of a study, then new seeds of the best settings, and report on them.

    Args:
        study: The stages; see `configure_study`.
        options: How to train.
        report: Whether to write the report. It is not written while another process trains some of
            the runs.
        on_trained: Called with the result of the stages before the report is written.
    """
    from adamcmp.reporting import report as write_report

    trained = StudyResult(_train_stages(study, options))
    on_trained(trained)
    if not report or trained.in_progress:
        return trained
    return replace(trained, report=write_report([trained.folder]))


def _train_stages(study: StagedStudy, options: TrainingOptions) -> tuple[SweepResult, ...]:
    config, select = study.grids, study.select
    if select is None:
        return (SweepResult.of(train(config, options)),)
    # Both stages are one study, so the work of both decides the engine.
    both = study.both_stages()
    numerics = study_numerics(both, options.on_notice)
    config = replace(config, numerics=numerics, later_runs=len(both.runs) - len(config.runs))
    with Workers() as workers:
        first = train(config, options, workers)
        if first.in_progress:
            return (SweepResult.of(first),)
        winners_config = second_stage(config, first.folder, first.specs, select)
        second = train(winners_config, options, workers)
    return (SweepResult.of(first), SweepResult.of(second))


def check_select(config: StudyConfig, select: Select) -> None:
    """Check that ``select.by`` names a column of runs, before anything is trained.

    Raises:
        ConfigError: If it does not; the message names the nearest column.
    """
    known = RunSpec.of(config.runs[0], config.numerics).columns()
    if select.by not in known:
        raise ConfigError(
            f"select.by={select.by}: runs have no such column.{nearest(select.by, known)}"
        )


def both_stages(config: StudyConfig, select: Select) -> StudyConfig:
    """Return a study's two stages together; see `StagedStudy.both_stages`."""
    store = Store(config.location.folder)
    numerics = store.numerics()
    specs = run_specs(config, numerics) if numerics else ()
    stored = store.statuses()
    if specs and all(spec.run_id in stored for spec in specs):
        second = second_stage(config, config.location.folder, specs, select).runs
    else:
        second = _placeholders(config.runs, select)
    return replace(config, runs=(*config.runs, *second))


def second_stage(
    config: StudyConfig, folder: Path, specs: Iterable[RunSpec], select: Select
) -> StudyConfig:
    """Return a study's second stage: new seeds of its best settings.

    Args:
        config: The first stage.
        folder: The folder of the study.
        specs: The runs of the first stage.
        select: How to select the settings, and the number of seeds.

    Raises:
        ConfigError: If the runs have no validation metric.
    """
    configs = {spec.run_id: spec.config for spec in specs}
    stored = reader.load_runs(folder)
    first = RunTable.from_frames(stored[stored["run_id"].isin(list(configs))])
    start = max(config.protocol.seed for config in configs.values()) + 1
    runs = winners(first, configs, select.by, select.top, range(start, start + select.seeds))
    # The first stage has shown the notices.
    return replace(config, runs=runs, notices=(), later_runs=0)


def winners(
    table: RunTable, configs: Mapping[str, RunConfig], by: str, top: int, seeds: Sequence[int]
) -> tuple[RunConfig, ...]:
    """Return the best settings on validation, with other seeds.

    Args:
        table: The runs.
        configs: The configuration of each of these runs, by run id.
        by: Column; settings are selected for each of its values, on each problem.
        top: Number of settings for each value.
        seeds: The seeds of each setting.

    Raises:
        ConfigError: If there is no validation split to select on.
    """
    ranked = table.ranked(by)
    # One run stands for all seeds of its setting.
    best = ranked[ranked["rank"] < top].drop_duplicates(["problem", by, "rank"])
    return tuple(_with_seed(configs[run_id], seed) for run_id in best["run_id"] for seed in seeds)


def _placeholders(runs: Iterable[RunConfig], select: Select) -> tuple[RunConfig, ...]:
    """Return placeholders for the runs of the second stage: the first settings of each group."""
    first = max(run.protocol.seed for run in runs) + 1
    groups: dict[tuple[str, str, str], dict[RunConfig, None]] = {}
    for run in runs:
        value = RunSpec.of(run, Numerics()).columns()[select.by]
        settings = groups.setdefault((run.dataset.name, run.model.name, str(value)), {})
        if len(settings) < select.top:
            # With the same seed, all runs of a setting are equal and count once.
            settings[_with_seed(run, first)] = None
    seeds = range(first, first + select.seeds)
    selected = (run for settings in groups.values() for run in settings)
    return tuple(_with_seed(run, seed) for run in selected for seed in seeds)


def _with_seed(config: RunConfig, seed: int) -> RunConfig:
    return replace(config, protocol=config.protocol.model_copy(update={"seed": seed}))
