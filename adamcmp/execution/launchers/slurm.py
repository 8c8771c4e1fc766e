"""Workers as jobs of a Slurm cluster, submitted with submitit.

The states of jobs come from ``squeue``, since ``sacct`` works only where accounting is set up.
"""

from __future__ import annotations

import contextlib
import getpass
import importlib.util
import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from adamcmp.components.executors.slurm import SlurmSettings
from adamcmp.errors import ConfigError, nearest
from adamcmp.execution.launchers._base import ClusterError, JobState, Launcher, WorkerCommand
from adamcmp.execution.launchers._slurm_job import SlurmJob

#: A job saves its checkpoints this many seconds before its time limit, if the limit is at least
#: four minutes. Slurm may send the signal up to a minute earlier.
SIGNAL_SECONDS = 60
#: How often a job may reach its time limit and queue itself again.
MAX_TIMEOUTS = 100
#: Maximum seconds that a command of Slurm may take.
COMMAND_SECONDS = 60.0
#: ``sbatch --test-only`` fails with these words if jobs would wait, such as for drained nodes.
_MAY_WAIT = re.compile("not available|unavailable|busy", re.IGNORECASE)
#: States of jobs that have not begun, or have to begin again.
_WAITING = {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
#: States of jobs that have not ended.
_QUEUED = _WAITING | {
    *("CONFIGURING", "RUNNING", "RESIZING", "SIGNALING", "STAGE_OUT"),
    *("STOPPED", "SUSPENDED", "COMPLETING"),
}


class SlurmLauncher(Launcher[SlurmSettings]):
    """Starts workers as the elements of an array of jobs."""

    def check(self) -> None:
        """See `Launcher.check`."""
        if importlib.util.find_spec("submitit") is None:
            raise ConfigError(
                "executor=slurm needs the package submitit: pip install 'adamcmp[slurm]'"
            )
        if shutil.which("sbatch") is None:
            raise ConfigError(
                "executor=slurm: there is no command sbatch on the PATH. Run this command on a "
                "login node of a Slurm cluster."
            )
        self._check_partitions()
        arguments = [f"--{key.replace('_', '-')}={value}" for key, value in self._options().items()]
        try:
            _slurm("sbatch", "--test-only", *arguments, "--wrap=true")
        except ClusterError as error:
            if "account" in str(error) and self.settings.account:
                raise ConfigError(_unknown_account(self.settings.account)) from None
            if not _MAY_WAIT.search(str(error)):
                raise ConfigError(f"{error} Check {', '.join(self._named_settings())}.") from None

    def start(self, command: WorkerCommand, count: int) -> list[str]:
        """See `Launcher.start`."""
        with _environment(SUBMITIT_LOG_LEVEL="NOCONFIG"):
            # Its configuration of logging prints to stdout and closes handlers of other packages.
            from submitit import SlurmExecutor
            from submitit.core.utils import FailedJobError

        executor = SlurmExecutor(self.folder, max_num_timeout=MAX_TIMEOUTS)
        executor.update_parameters(
            **self._options(),
            job_name=f"adamcmp-{self.folder.parent.name}",
            signal_delay_s=min(SIGNAL_SECONDS, self.settings.timeout_min * SIGNAL_SECONDS // 4),
            stderr_to_stdout=True,
            # A job ends if a command of `setup` fails. Modules in the working directory must not
            # replace those of submitit.
            setup=["set -e", *self.settings.setup, "set +e", "export PYTHONSAFEPATH=1"],
            # After a node fails, its jobs start again, even if this is not the cluster's default.
            additional_parameters={"requeue": True},
            # Since Slurm 22.05, srun does not inherit this option from sbatch.
            srun_args=[f"--cpus-per-task={self.settings.cpus_per_task}"],
        )
        job = SlurmJob(tuple(command.argv), self.settings.gpus_per_node)
        try:
            # submitit prints what sbatch has printed, if this fails.
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), executor.batch():
                submitted = [executor.submit(job) for _ in range(count)]
        except FailedJobError as error:
            raise ClusterError(
                f"executor=slurm: {_reason(str(error))} Check {', '.join(self._named_settings())}."
            ) from None
        return [each.job_id for each in submitted]

    def states(self, jobs: Sequence[str]) -> Mapping[str, JobState]:
        """See `Launcher.states`."""
        query = ["--noheader", "--array", "--states=all", "--user", str(os.getuid())]
        lines = _slurm("squeue", *query, "--format=%i|%T|%r").splitlines()
        listed = {line.partition("|")[0]: line.split("|", 2)[1:] for line in lines}
        states = {}
        for job in jobs:
            # Elements of an array that was cancelled before it began are listed as one.
            state, reason = listed.get(job) or listed.get(job.partition("_")[0]) or ("", "")
            # Slurm lists jobs for some minutes after their end, but without the exit code.
            states[job] = _queued(state, reason) if state in _QUEUED else _ended(job, state)
        return states

    def cancel(self, jobs: Sequence[str]) -> None:
        """See `Launcher.cancel`."""
        queued = [job for job, state in self.states(jobs).items() if state.status != "ended"]
        if queued:
            _slurm("scancel", *queued)

    def log_paths(self, jobs: Sequence[str]) -> Mapping[str, Path]:
        """See `Launcher.log_paths`."""
        return {job: self.folder / f"{job}_0_log.out" for job in jobs}

    def _options(self) -> dict[str, Any]:
        """Return the options of ``sbatch`` that follow from the settings."""
        settings = self.settings
        options = {
            "time": settings.timeout_min,
            "partition": settings.partition,
            "account": settings.account,
            "gpus_per_node": settings.gpus_per_node or None,
            "cpus_per_task": settings.cpus_per_task,
            "mem": None if settings.mem_gb is None else f"{round(settings.mem_gb * 1024)}M",
            "constraint": settings.constraint,
        }
        return {key: value for key, value in options.items() if value is not None}

    def _named_settings(self) -> list[str]:
        """Return the settings that determine the options of ``sbatch``, as on the command line."""
        values = self.settings.model_dump(exclude={"name", "jobs", "setup"}, exclude_none=True)
        return [f"executor.{key}={value}" for key, value in values.items()]

    def _check_partitions(self) -> None:
        """Check that the partitions exist, and that they allow the time limit, cores and memory."""
        lines = _slurm("sinfo", "--noheader", "--Node", "--format=%P|%l|%c|%m").splitlines()
        # The default partition is marked by an asterisk.
        nodes = [line.split("|") for line in lines]
        default = next((name for name, *_ in nodes if name.endswith("*")), "")
        partition = self.settings.partition or default.removesuffix("*")
        by_name: dict[str, list[list[str]]] = {}
        for name, *limits in nodes:
            by_name.setdefault(name.removesuffix("*"), []).append(limits)
        for name in partition.split(",") if partition else ():
            if name not in by_name:
                raise ConfigError(
                    f"executor.partition={partition}: the cluster has no partition {name!r}."
                    f"{nearest(name, by_name)} It has: {', '.join(by_name)}."
                )
            self._check_limits(name, by_name[name])

    def _check_limits(self, partition: str, nodes: Sequence[Sequence[str]]) -> None:
        """Check that a job fits into a partition.

        Args:
            partition: The name of the partition.
            nodes: The time limit, the cores and the memory in MB of each of its nodes.
        """
        minutes = _minutes(nodes[0][0])
        cores, megabytes = (max(_number(node[k]) for node in nodes) for k in (1, 2))
        settings = self.settings
        if minutes is not None and settings.timeout_min > minutes:
            raise ConfigError(
                f"executor.timeout_min={settings.timeout_min}: jobs of partition {partition!r} "
                f"take at most {minutes} minutes."
            )
        if settings.cpus_per_task > cores:
            raise ConfigError(
                f"executor.cpus_per_task={settings.cpus_per_task}: the nodes of partition "
                f"{partition!r} have at most {cores} cores."
            )
        if settings.mem_gb is not None and settings.mem_gb * 1024 > megabytes:
            raise ConfigError(
                f"executor.mem_gb={settings.mem_gb:g}: the nodes of partition {partition!r} have "
                f"at most {megabytes / 1024:.3g} GB."
            )


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables of the environment that are not set, until the block ends."""
    added = variables.keys() - os.environ.keys()
    os.environ.update({name: variables[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _unknown_account(account: str) -> str:
    """Return the message for an account that the user may not charge."""
    query = ["show", "associations", f"user={getpass.getuser()}", "format=account"]
    known: list[str] = []
    with contextlib.suppress(ClusterError):
        known = _slurm("sacctmgr", "--noheader", "--parsable2", *query).split()
    listed = f" Yours: {', '.join(dict.fromkeys(known))}." if known else ""
    return (
        f"executor.account={account}: you may not charge this account in this partition."
        f"{nearest(account, known)}{listed}"
    )


def _minutes(limit: str) -> int | None:
    """Return a time limit of Slurm, such as ``1-12:30:00`` or ``30:00``; None for no limit."""
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)", limit)
    if match is None:
        return None
    days, hours, minutes, _ = (int(part or 0) for part in match.groups())
    return (24 * days + hours) * 60 + minutes


def _number(text: str) -> int:
    """Return the number of cores or megabytes of a node; of unequal nodes, Slurm writes ``8+``."""
    return int(text.removesuffix("+"))


def _slurm(*command: str) -> str:
    """Run a command of Slurm and return its output.

    Raises:
        ClusterError: If it fails.
    """
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClusterError(f"executor=slurm: {command[0]} failed: {error}") from None
    if done.returncode:
        raise ClusterError(f"executor=slurm: {_reason(done.stderr or done.stdout)}")
    return done.stdout


def _reason(text: str) -> str:
    """Return what a command of Slurm reports, as one line."""
    if re.search("Unable to contact slurm controller|resolve_ctls|fetch_config", text):
        return "its controller (slurmctld) does not answer. `scontrol ping` shows its state."
    lines = [line.strip() for line in text.splitlines() if "error:" in line or "failure" in line]
    reasons = [re.sub(r"^\w+: (?:error: )?", "", line) for line in lines]
    reason = "; ".join(dict.fromkeys(reasons)) or " ".join(text.split()) or "no answer"
    return f"{reason.rstrip('.')}."


def _queued(state: str, reason: str) -> JobState:
    """Return the state of a job that has not ended, as ``squeue`` lists it."""
    if state in _WAITING:
        return JobState("pending", "" if reason == "None" else reason)
    return JobState("running", state.capitalize())


def _ended(job: str, state: str) -> JobState:
    """Return how a job ended, if Slurm still knows.

    Args:
        job: The id of the job.
        state: Its state if it was listed; otherwise empty.

    Raises:
        ClusterError: If Slurm does not answer.
    """
    if state == "CANCELLED":
        return JobState("ended", "Cancelled", cancelled=True)
    try:
        values = dict(re.findall(r"(\w+)=(\S+)", _slurm("scontrol", "show", "job", job)))
    except ClusterError as error:
        if not re.search("Invalid job id|not found", str(error)):
            raise
        return JobState("ended", state.capitalize())
    state, code = values["JobState"], values["ExitCode"].partition(":")[0]
    if state in _QUEUED:  # it was queued again since it was listed
        return _queued(state, values["Reason"])
    return JobState("ended", f"{state.capitalize()}, exit code {code}", state == "CANCELLED")
