"""A launcher whose jobs run in the process of the test, when it says so."""

from collections.abc import Callable, Sequence
from pathlib import Path

from adamcmp.cli import main
from adamcmp.components.executors.slurm import SlurmSettings
from adamcmp.execution.launchers import ClusterError, JobState, Launcher, WorkerCommand

#: A worker in the process of the test. Settings of the number of processes do not apply there.
Job = Callable[[WorkerCommand], JobState]


def train(command: WorkerCommand) -> JobState:
    """Run a worker to its end."""
    root, _, name = command.study.rpartition("/")
    code = main(["worker", name, "--results", root, "--quiet", "executor=serial"])
    return JobState("ended", f"Completed, exit code {code}")


class ToyLauncher(Launcher[SlurmSettings]):
    """Runs jobs one after the other.

    Args:
        jobs: What each further job does, at its start.
    """

    def __init__(self, folder: Path, jobs: Sequence[Job] = ()) -> None:
        super().__init__(SlurmSettings(name="slurm"), folder)
        self.jobs = list(jobs)
        self.commands: list[WorkerCommand] = []
        self.known: dict[str, JobState] = {}
        self.down = False

    def start(self, command: WorkerCommand, count: int) -> list[str]:
        if len(self.jobs) < count:
            raise ClusterError("the cluster refuses jobs")
        ids = []
        for _ in range(count):
            self.commands.append(command)
            ids.append(str(len(self.commands)))
            self.known[ids[-1]] = self.jobs.pop(0)(command)
        return ids

    def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        if self.down:
            raise ClusterError("the cluster does not answer")
        return {job: self.known[job] for job in jobs}

    def cancel(self, jobs: Sequence[str]) -> None:
        self.known |= {job: JobState("ended", "Cancelled", cancelled=True) for job in jobs}

    def log_paths(self, jobs: Sequence[str]) -> dict[str, Path]:
        return {job: self.folder / f"{job}.log" for job in jobs}
