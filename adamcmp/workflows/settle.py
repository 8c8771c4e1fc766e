"""Settle a study: add runs until its audit asks for none, or until a budget of runs is spent.

Each round adds the first of these that the study needs: the rest of an interrupted round, settings
beyond the edges of grids, settings for optimizers that are behind one with more settings, candidate
seeds of leading settings, evaluation seeds of the best settings, and more of these seeds where the
verdict says how many would detect a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from adamcmp.config import Execution, StudyConfig
from adamcmp.errors import ConfigError, RunInProgress
from adamcmp.execution.liveness import process_statuses
from adamcmp.execution.worker_processes import WorkerProcesses
from adamcmp.platform.addresses import Address
from adamcmp.storage import reader
from adamcmp.workflows.additions import Addition, StoredStudy
from adamcmp.workflows.execution_overrides import parse_execution
from adamcmp.workflows.round_texts import best_settings_now, describe
from adamcmp.workflows.rounds import next_need
from adamcmp.workflows.training import SweepResult, TrainingOptions, train

if TYPE_CHECKING:
    from adamcmp.reporting import Report


@dataclass(frozen=True)
class Settling:
    """What a command may add to a study.

    Attributes:
        folder: The folder of the study.
        budget: The maximum number of runs to train.
        execution: How they are trained.
        command: The command, to be recorded.
    """

    folder: Address
    budget: int
    execution: Execution
    command: tuple[str, ...]

    def config(self, study: StoredStudy, addition: Addition) -> StudyConfig:
        """Return the configuration that trains an addition."""
        return study.config(addition, self.execution, self.command)


@dataclass(frozen=True)
class Round:
    """A round of additions.

    Attributes:
        result: The result of training its runs.
        text: What was added, and the best settings after it.
    """

    result: SweepResult
    text: str


@dataclass(frozen=True)
class SettleResult:
    """The outcome of settling a study.

    Attributes:
        folder: The folder of the study.
        budget: The maximum number of runs to train.
        rounds: The rounds.
        remaining: What the study still needs; empty if it is settled, or if a round did not end.
        remaining_runs: The number of runs in `remaining`.
        report: The report; None if none was requested, or a round did not end.
    """

    folder: Address
    budget: int
    rounds: tuple[Round, ...] = field(default=())
    remaining: str = ""
    remaining_runs: int = 0
    report: Report | None = None

    @property
    def trained(self) -> int:
        """The number of runs that were trained."""
        return sum(len(finished.result.trained) for finished in self.rounds)

    @property
    def complete(self) -> bool:
        """Whether every run of the rounds is done or diverged."""
        return all(finished.result.complete for finished in self.rounds)

    @property
    def settled(self) -> bool:
        """Whether the study needs no further runs."""
        return self.complete and not self.remaining

    @property
    def provisional_because(self) -> tuple[str, ...]:
        """What makes verdicts of the report provisional."""
        findings = self.report.answer.findings if self.report else ()
        reasons = (finding.undermines for finding in findings)
        return tuple(dict.fromkeys(filter(None, reasons)))


def configure_settling(
    root: Address, study: str | None, budget: int | None = None, overrides: Sequence[str] = ()
) -> Settling:
    """Return what a command may add to a study.

    Args:
        root: The folder of all studies.
        study: The name of the study; None selects the latest.
        budget: The maximum number of runs to train; None selects the number of runs that the study
            has.
        overrides: Settings of execution, such as ``"workers=2"``.

    Raises:
        ConfigError: If an override is something else, the budget is not positive, the runs were
            imported, or requested runs are missing.
        NotFound: If the study does not exist, or has no run with status ``done``.
        StoreError: If the study is damaged.
    """
    folder = reader.study_folder(root, study)
    execution = parse_execution("adamcmp settle", overrides)
    if budget is not None and budget < 1:
        raise ConfigError(f"A budget of {budget} runs should be at least 1.")
    stored = StoredStudy.read(folder)
    _check_requested_runs(stored)
    command = (f"settle {folder.name}", *overrides)
    return Settling(folder, budget or len(stored.configs), execution, command)


def _check_requested_runs(study: StoredStudy) -> None:
    """Check that no runs are missing except those of an interrupted round."""
    if not study.missing_runs or study.interrupted_addition():
        return
    name, missing = study.folder.name, study.missing_runs
    if training := process_statuses(study.folder):
        raise RunInProgress(
            f"{missing} requested runs of study {name!r} are missing, and process "
            f"{training[0].pid} on {training[0].host} trains some. Repeat this command after it "
            f"has ended."
        )
    raise ConfigError(
        f"{missing} requested runs of study {name!r} are missing. Repeat the command that "
        f"requested them first; `adamcmp report {name}` lists the commands."
    )


def planned_round(settling: Settling) -> tuple[str, StudyConfig | None]:
    """Return the next round of a study, without training it or recording a look.

    Returns:
        What it adds, and its configuration; None if the study is settled.
    """
    study = StoredStudy.read(settling.folder)
    need = next_need(study, settling.budget, record_look=False)
    if need is None:
        return "", None
    return describe(need, study), settling.config(study, need.addition)


def settle(
    settling: Settling,
    options: TrainingOptions,
    *,
    report: bool = True,
    on_round: Callable[[Round], None] = lambda finished: None,
) -> SettleResult:
    """Train the runs that a study needs, until it needs none or the budget is spent.

    Args:
        settling: The study and the budget; see `configure_settling`.
        options: How to train.
        report: Whether to write the report at the end.
        on_round: Called with each round that has ended.

    Raises:
        Interrupted: If a signal ended training; the same call continues.
    """
    from adamcmp.reporting import report as write_report

    result = _train_rounds(settling, options, on_round)
    if not report or not result.complete:
        return result
    return replace(result, report=write_report([settling.folder]))


def _train_rounds(
    settling: Settling, options: TrainingOptions, on_round: Callable[[Round], None]
) -> SettleResult:
    result = SettleResult(settling.folder, settling.budget)
    study = StoredStudy.read(settling.folder)
    with WorkerProcesses() as workers:
        while result.complete:
            budget = settling.budget - result.trained
            need = next_need(study, budget, record_look=True)
            if need is None:
                return result
            text = describe(need, study)
            if need.runs > budget:
                return replace(result, remaining=text, remaining_runs=need.runs)
            config = settling.config(study, need.addition)
            trained = SweepResult.of(train(config, options, workers))
            study = StoredStudy.read(settling.folder)
            finished = Round(trained, text + best_settings_now(need.addition, study))
            result = replace(result, rounds=(*result.rounds, finished))
            on_round(finished)
    return result
