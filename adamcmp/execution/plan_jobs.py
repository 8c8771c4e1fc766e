"""The jobs of one plan: started once, and replaced when they end before its runs are stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adamcmp.errors import RunFailed
from adamcmp.execution.launched_jobs import launched_jobs, record_jobs
from adamcmp.execution.launchers import JobState, Launcher, WorkerCommand
from adamcmp.execution.queue_files import list_queue
from adamcmp.platform.files import storage_errors
from adamcmp.storage.files import Files

#: How often jobs are replaced while no further run is stored.
MAX_REPLACEMENTS = 3
#: Lines of a job's output in a message.
LOG_LINES = 5


@dataclass
class PlanJobs:
    """The jobs of one plan.

    Attributes:
        files: The study's files.
        launcher: Starts the jobs.
        command: The command of their workers, with the number of the plan.
        wanted: How many jobs should be alive.
        missing_runs: Returns the number of runs of the plan that are not stored.
    """

    files: Files
    launcher: Launcher[Any]
    command: WorkerCommand
    wanted: int
    missing_runs: Callable[[], int]
    #: The ids of all jobs that were started, also by earlier commands.
    _recorded: list[str] = field(init=False)
    #: The last known state of each job that was alive at the start, or was started since.
    _states: dict[str, JobState] = field(init=False, default_factory=dict)
    _replacements: int = field(init=False, default=0)
    _missing: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        earlier = launched_jobs(self.files, self.command.plan)
        self._recorded = list(earlier.jobs) if earlier else []

    @property
    def living(self) -> list[str]:
        """The jobs that had not ended when their states were last read."""
        return [job for job, state in self._states.items() if state.status != "ended"]

    @property
    def waiting_reason(self) -> str | None:
        """Why no job runs; None if one does, or the cluster does not say why."""
        states = [self._states[job] for job in self.living]
        waiting = bool(states) and all(state.status == "pending" for state in states)
        return (states[0].detail or None) if waiting else None

    @property
    def is_open(self) -> bool:
        """Whether the plan has runs that are not stored, and was not cancelled."""
        with storage_errors(self.files.address):
            return self.command.plan in list_queue(self.files).plans

    def start(self) -> bool:
        """Start jobs, unless some that were started before are alive; return whether it did.

        Raises:
            ClusterError: If the cluster refuses the jobs, or does not answer.
        """
        self._missing = self.missing_runs()
        states = self.launcher.states(self._recorded) if self._recorded else {}
        self._states = {job: state for job, state in states.items() if state.status != "ended"}
        if self._states:
            return False
        self._start(self.wanted)
        return True

    def replace_ended(self) -> None:
        """Start jobs instead of those that have ended, while the plan is open.

        Raises:
            ClusterError: If the cluster refuses the jobs, or does not answer.
            RunFailed: If all jobs have ended and new ones would do so too.
        """
        self._states |= self.launcher.states(self.living)
        lacking = self.wanted - len(self.living)
        if lacking <= 0 or not self.is_open:
            return
        cancelled = any(state.cancelled for state in self._states.values())
        progress = self.missing_runs() < self._missing
        # A machine that was lost says nothing about the next one.
        lost = list(self._states.values())[-1].lost and self._replacements < MAX_REPLACEMENTS
        if not self.living and (cancelled or not (progress or lost)):
            raise RunFailed(self._cancelled() if cancelled else self._failure())
        if progress:
            self._replacements = 0
        if not cancelled and self._replacements < MAX_REPLACEMENTS:
            self._replacements += 1
            self._start(lacking)

    def cancel_waiting(self) -> None:
        """Cancel the jobs that have not begun. Those that run end by themselves.

        Raises:
            ClusterError: If the cluster does not answer.
        """
        self._states |= self.launcher.states(self.living)
        waiting = [job for job, state in self._states.items() if state.status == "pending"]
        if waiting:
            self.launcher.cancel(waiting)

    def _start(self, count: int) -> None:
        self._missing = self.missing_runs()
        jobs = self.launcher.start(self.command, count)
        self._states |= dict.fromkeys(jobs, JobState("pending"))
        self._recorded += jobs
        record_jobs(self.files, self.command.plan, self.launcher.settings, self._recorded)

    def _cancelled(self) -> str:
        return (
            f"The jobs of plan {self.command.plan} were cancelled before all of its runs were "
            f"stored. The same command starts new ones."
        )

    def _failure(self) -> str:
        job, state = list(self._states.items())[-1]
        log = self.launcher.log_paths([job])[job]
        return (
            f"All jobs of plan {self.command.plan} have ended, and the last ones have stored no "
            f"run. The same command starts new ones once the cause is removed. Job {job} "
            f"({state.detail or 'unknown state'}) wrote to {log}:\n"
            f"{last_lines(log)}"
        )


def last_lines(log: Path) -> str:
    """Return the last message of a worker in the output of its job, or the last lines of it."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "(no output)"
    messages = [line for line in lines if line.startswith("adamcmp: ")]
    return "\n".join(messages[-1:] or lines[-LOG_LINES:]) or "(no output)"
