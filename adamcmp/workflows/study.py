"""Train the stages of a study file and report on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from adamcmp.analysis.question import Question
from adamcmp.config import study_files
from adamcmp.execution.execute import study_numerics
from adamcmp.execution.worker_processes import WorkerProcesses
from adamcmp.platform.addresses import Address
from adamcmp.workflows.components import describe
from adamcmp.workflows.study_stages import StagedStudy
from adamcmp.workflows.training import SweepResult, TrainingOptions, train

if TYPE_CHECKING:
    from adamcmp.reporting import Report


@dataclass(frozen=True)
class StudyResult:
    """The outcome of training and reporting a study file.

    Attributes:
        stages: The result of each stage. Later stages are omitted while another process trains runs
            of an earlier one, since the best settings are unknown.
        report: The report; None if none was requested, or another process trains some of the runs.
    """

    stages: tuple[SweepResult, ...]
    report: Report | None = None

    @property
    def folder(self) -> Address:
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


def train_study(
    study: StagedStudy,
    options: TrainingOptions,
    *,
    report: bool = True,
    on_trained: Callable[[StudyResult], None] = lambda result: None,
) -> StudyResult:
    """Train the grids of a study, then new seeds of the best settings, and report on it.

    Args:
        study: The stages; see `adamcmp.workflows.study_stages.configure_study`.
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
    written = write_report([trained.folder], question=Question(study.baseline))
    return replace(trained, report=written)


def _train_stages(study: StagedStudy, options: TrainingOptions) -> tuple[SweepResult, ...]:
    """Train the stages in turn, until another process trains runs of a stage."""
    config, stages = study.grids, study.later_stages
    if not stages:
        return (SweepResult.of(train(config, options)),)
    # All stages are one study, so the work of all of them decides the engine.
    config = replace(config, numerics=study_numerics(study.all_stages(), options.on_notice))
    results: list[SweepResult] = []
    with WorkerProcesses() as workers:
        for number in range(len(stages) + 1):
            if number:
                # The first stage has shown the notices.
                runs = study.runs_of(stages[number - 1])
                config = replace(config, runs=runs, notices=())
            later = sum(len(study.placeholders(stage)) for stage in stages[number:])
            executed = train(replace(config, later_runs=later), options, workers)
            results.append(SweepResult.of(executed))
            if executed.in_progress:
                break
    return tuple(results)
