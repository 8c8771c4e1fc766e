"""Workers on the nodes of a Ray cluster: ``executor=ray``.

Ray chooses the node of each worker and transfers its output. It does not decide whether a worker is
alive, since it waits without limit for a task on a node that hangs or cannot be reached: the
heartbeats of the worker and the deadlines of this module do. The workers end with the command that
started them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adamcmp.components.executors.ray import RaySettings
from adamcmp.errors import ConfigError
from adamcmp.execution.launchers._base import ClusterError, JobState, Launcher, WorkerCommand
from adamcmp.execution.launchers._ray_environment import driver_environment, worker_environment

#: Seconds within which a cluster must answer, or a local one must have started.
CONNECT_SECONDS = 90.0
#: Seconds within which a port must accept a connection.
PORT_SECONDS = 10.0
#: Seconds within which the process that is connected to the cluster must answer.
ANSWER_SECONDS = 60.0
#: Seconds within which that process must have ended the workers and itself.
CLOSE_SECONDS = 45.0
_SHOWN_BYTES = 4096


class RayLauncher(Launcher[RaySettings]):
    """Starts workers on the nodes of a Ray cluster, which end with this process."""

    jobs_outlive_command = False

    def __init__(self, settings: RaySettings, folder: Path) -> None:
        super().__init__(settings, folder)
        self._connection: _Connection | None = None

    def check(self) -> None:
        """See `Launcher.check`; connects to the cluster.

        Raises:
            ConfigError: If Ray is not installed, no port answers at the address, or no node of
                the cluster has the resources of a worker.
            ClusterError: If no Ray cluster of the same versions answers at the address.
        """
        if importlib.util.find_spec("ray") is None:
            raise ConfigError(
                "executor=ray: Ray is not installed. Install it: pip install 'adamcmp[ray]'."
            )
        _check_address(self.settings.address)
        if not self._connected().call("fits", resources=self._resources):
            self.close()
            raise ConfigError(
                f"executor=ray: no node of the cluster has {self.settings.num_cpus} CPUs and "
                f"{self.settings.num_gpus:g} GPUs for a worker. Reduce executor.num_cpus or "
                f"executor.num_gpus."
            )

    @property
    def _resources(self) -> dict[str, float]:
        return {"num_cpus": self.settings.num_cpus, "num_gpus": self.settings.num_gpus}

    def start(self, command: WorkerCommand, count: int) -> list[str]:
        """See `Launcher.start`."""
        process = {"argv": command.argv, "directory": str(Path.cwd()), **worker_environment()}
        self.folder.mkdir(parents=True, exist_ok=True)
        started: list[str] = self._connected().call(
            "start",
            process=process,
            resources=self._resources,
            count=count,
            logs=str(self.folder),
        )
        return started

    def states(self, jobs: Sequence[str]) -> dict[str, JobState]:
        """See `Launcher.states`. Workers that another process started are not known here."""
        known: Mapping[str, Any] = {}
        detail = "the command that started it has ended"
        if self._connection is not None:
            try:
                known = self._connection.call("states", deadline=self.settings.deadline)
            except ClusterError as error:
                self._connection.kill()
                self._connection, detail = None, str(error)
        states = {}
        for job in jobs:
            status, reason, lost = known.get(job, ("ended", detail, False))
            states[job] = JobState(status, reason, lost=lost)
        return states

    def cancel(self, jobs: Sequence[str]) -> None:
        """See `Launcher.cancel`."""
        if self._connection is not None:
            self._connection.call("cancel", jobs=list(jobs))

    def log_paths(self, jobs: Sequence[str]) -> dict[str, Path]:
        """See `Launcher.log_paths`."""
        return {job: self.folder / f"ray-{job}.log" for job in jobs}

    def close(self) -> None:
        """See `Launcher.close`. Workers have saved their checkpoints before they end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> _Connection:
        if self._connection is None:
            self._connection = _Connection(self.settings.address)
        return self._connection


class _Connection:
    """The process that is connected to the cluster: `_ray_driver`.

    Args:
        address: See `RaySettings`.

    Raises:
        ClusterError: If there is no such cluster.
    """

    def __init__(self, address: str) -> None:
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process runs
        # Other programs of the user find a cluster in Ray's default folder. Paths of sockets are
        # limited to 107 bytes, which a folder in a long $TMPDIR exceeds.
        self._folder = tempfile.mkdtemp(prefix="adamcmp-ray-", dir="/tmp")
        answers, write_end = os.pipe()
        self._answers = os.fdopen(answers, "rb")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", f"{__package__}._ray_driver", str(write_end)],
            env=driver_environment(address),
            pass_fds=[write_end],
            stdin=subprocess.PIPE,
            # Ray prints to both.
            stdout=self._printed,
            stderr=self._printed,
            # Ctrl-C in a terminal must not end it or the daemons of a local cluster at once.
            start_new_session=True,
        )
        os.close(write_end)
        try:
            self.call("connect", CONNECT_SECONDS, address=address, folder=self._folder)
        except ClusterError as error:
            self.kill()
            raise ClusterError(f"executor.address={address}: {error}") from None

    def call(self, method: str, timeout: float = ANSWER_SECONDS, **arguments: Any) -> Any:
        """Call a method of `_ray_driver.Driver` and return its value.

        Raises:
            ClusterError: If it raises an error, does not answer in time, or has ended.
        """
        requests = self._process.stdin
        assert requests is not None
        try:
            requests.write(json.dumps({"method": method, "arguments": arguments}).encode() + b"\n")
            requests.flush()
            if not select.select([self._answers], [], [], timeout)[0]:
                raise ClusterError(
                    f"no Ray cluster has answered for {timeout:.0f} s. Check the address: another "
                    f"program may listen on its port."
                )
            line = self._answers.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise ClusterError(f"the connection to the Ray cluster ended: {self._last_line()}")
        answer = json.loads(line)
        if "error" in answer:
            raise ClusterError(answer["error"])
        return answer["value"]

    def close(self) -> None:
        """End the workers and the process."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
            self._process.stdin.close()
            self._process.wait(CLOSE_SECONDS)
        self.kill()

    def _last_line(self) -> str:
        """Return the last line that Ray printed."""
        file = self._printed.fileno()
        start = max(os.fstat(file).st_size - _SHOWN_BYTES, 0)
        printed = os.pread(file, _SHOWN_BYTES, start).decode(errors="replace")
        lines = (line.strip() for line in reversed(printed.splitlines()))
        return next((line for line in lines if line), "it printed nothing")

    def kill(self) -> None:
        """End the process at once. Workers notice it and save their checkpoints."""
        if self._process.returncode is None:
            # Also the daemons of a local cluster, some of which outlive a process that was killed.
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._answers.close()
        self._printed.close()


def _check_address(address: str) -> None:
    """Check that an address has a valid form, and that a process listens there.

    Raises:
        ConfigError: If it has not, or no process does.
    """
    named = f"executor.address={address}"
    if address == "auto" and (address := os.environ.get("RAY_ADDRESS", "auto")) != "auto":
        named += f" ($RAY_ADDRESS={address})"
    if address in ("local", "auto"):
        return
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(
            f"{named}: should be local, auto or HOST:PORT, such as 10.0.0.5:6379 "
            f"(`ray start --head` prints it)."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), PORT_SECONDS).close()
    except OSError as error:
        raise ConfigError(
            f"{named}: no Ray cluster answers there ({error}). Start one with "
            f"`ray start --head --port={port}`, or use executor.address=local."
        ) from None
