"""The process that is connected to a Ray cluster for a command.

The command does not connect to Ray itself, since Ray prints messages of its daemons to stdout,
installs signal handlers, and ends the process that has lost the cluster. This process reads one
request per line from stdin, ``{"method": ..., "arguments": {...}}``. It answers each with a line
``{"value": ...}`` or ``{"error": ...}``, to the file descriptor that its argument names. As soon as
stdin is closed, however the command has ended, it ends the workers and disconnects.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from adamcmp.execution.launchers import _ray_node

#: Seconds that workers have to save their checkpoints and to end.
CLOSE_SECONDS = 30.0
#: Seconds that Ray may need to start a worker on a node with free resources.
START_SECONDS = 30.0
#: Bytes of the object store of a local cluster; Ray requires 75 MiB. Workers store nothing in it.
OBJECT_STORE_BYTES = 80_000_000
_POLL_SECONDS = 0.2


@dataclass
class _Job:
    """A worker that was started, and its last known state.

    Attributes:
        ray: The module of Ray.
        actor: Ray's handle of its `NodeWorker`.
        log: The file that receives its output.
        answer: Ray's reference of the state that was requested.
        requested: When the state was requested, in seconds of the monotonic clock.
        status: ``pending``, ``running`` or ``ended``.
        detail: Why it is in this status.
        known: Number of bytes of its output that are in the log.
        lost: Whether it ended with its node, or with the connection to it.
    """

    ray: Any
    actor: Any
    log: Path
    answer: Any = None
    requested: float = 0.0
    status: str = "pending"
    detail: str = ""
    known: int = 0
    lost: bool = False

    def request_state(self) -> None:
        """Request its state, without waiting for the answer."""
        self.answer, self.requested = self.actor.poll.remote(self.known), time.monotonic()

    def update(self, deadline: float) -> None:
        """Read the answer if it has arrived; a worker that does not answer in time has ended.

        Args:
            deadline: Maximum seconds until the answer of a running worker.
        """
        if self.status == "ended":
            return
        try:
            if not self.ray.wait([self.answer], timeout=0)[0]:
                self._check_deadline(deadline)
                return
            host, code, output = self.ray.get(self.answer)
        except self.ray.exceptions.ActorUnavailableError:  # Ray lost the connection to its node
            self.answer = self.actor.poll.remote(self.known)
            self._check_deadline(deadline)
            return
        except self.ray.exceptions.RayError as error:
            self._end(f"{self.detail}: {_cause(error)}", lost=True)
            return
        with self.log.open("ab") as file:
            file.write(output)
        self.known += len(output)
        self.status, self.detail = "running", f"on {host}"
        if code is None or len(output) == _ray_node.OUTPUT_BYTES:
            self.request_state()
        else:
            self._end(f"ended with exit code {code} on {host}")

    def _check_deadline(self, deadline: float) -> None:
        seconds = time.monotonic() - self.requested
        if self.status == "pending" and seconds > START_SECONDS:
            self.detail = "no node has free CPUs or GPUs for it"
        elif self.status == "running" and seconds > deadline:
            self._end(f"{self.detail}; it has not answered for {seconds:.0f} s", lost=True)

    def terminate(self) -> None:
        """Ask it to save its checkpoints and to end; end it at once if it has not started."""
        if self.status == "pending":
            self._end("was cancelled before it started")
        elif self.status == "running":
            self.actor.terminate.remote()

    def _end(self, detail: str, *, lost: bool = False) -> None:
        self.status, self.detail, self.lost = "ended", detail, lost
        # The worker must not continue if its node can be reached again.
        self.ray.kill(self.actor)


class Driver:
    """The workers that one command started on a cluster."""

    def __init__(self) -> None:
        # Imported here, since the other modules of this package are imported without Ray.
        self._ray: Any = importlib.import_module("ray")
        self._jobs: dict[str, _Job] = {}
        self._token = secrets.token_hex(4)
        self._folder: str | None = None

    def connect(self, address: str, folder: str) -> None:
        """Connect to a cluster, or start one on this machine.

        Args:
            address: ``local``, ``auto`` or ``HOST:PORT``.
            folder: An empty folder for the files of a local cluster. It is removed at the end.

        Raises:
            ValueError: If there is no such cluster; the text says why.
        """
        self._folder = folder
        options: dict[str, Any] = {}
        if address == "local":
            options = {
                "_temp_dir": folder,
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE_BYTES,
            }
        try:
            self._ray.init(address, log_to_driver=False, logging_level="ERROR", **options)
        except (OSError, RuntimeError, ValueError) as error:
            raise ValueError(_reason(error)) from error
        # Send the code of the actor to the nodes instead of its name: they may lack adamcmp.
        self._ray.cloudpickle.register_pickle_by_value(_ray_node)

    def fits(self, resources: Mapping[str, float]) -> bool:
        """Return whether a node has the resources of a worker, even if they are in use now.

        Args:
            resources: See `start`.
        """
        needed = {"CPU": resources["num_cpus"], "GPU": resources["num_gpus"]}
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return any(all(node.get(name, 0) >= n for name, n in needed.items()) for node in nodes)

    def start(
        self, process: Mapping[str, Any], resources: Mapping[str, float], count: int, logs: str
    ) -> list[str]:
        """Start workers, and return their ids.

        Args:
            process: The arguments of `NodeWorker`.
            resources: ``num_cpus`` and ``num_gpus`` of each worker.
            count: The number of workers.
            logs: The folder of their logs.
        """
        # Ray must neither restart a worker nor repeat a call: the command starts replacements.
        actor = self._ray.remote(max_restarts=0, max_task_retries=0, **resources)(
            _ray_node.NodeWorker
        )
        started = []
        for _ in range(count):
            name = f"{self._token}-{len(self._jobs) + 1}"
            self._jobs[name] = _Job(
                self._ray, actor.remote(**process), Path(logs, f"ray-{name}.log")
            )
            self._jobs[name].request_state()
            started.append(name)
        return started

    def states(self, deadline: float) -> dict[str, tuple[str, str, bool]]:
        """Return the status of each worker, and why it is in this status.

        Args:
            deadline: See `_Job.update`.
        """
        for job in self._jobs.values():
            job.update(deadline)
        return {name: (job.status, job.detail, job.lost) for name, job in self._jobs.items()}

    def cancel(self, jobs: Sequence[str]) -> None:
        """Ask workers to save their checkpoints and to end."""
        for job in (self._jobs[name] for name in jobs if name in self._jobs):
            job.update(math.inf)  # one that was pending may run by now
            job.terminate()

    def close(self) -> None:
        """End all workers, and disconnect. Checkpoints are saved first."""
        self.cancel(list(self._jobs))
        end = time.monotonic() + CLOSE_SECONDS
        while time.monotonic() < end:
            states = self.states(math.inf).values()
            if not any(status == "running" for status, *_ in states):
                break
            time.sleep(_POLL_SECONDS)
        self._ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _reason(error: Exception) -> str:
    """Return the text of an error in one line."""
    if "Could not find any running Ray instance" in str(error):
        # Ray's text goes on with options of its own programs.
        return (
            "no Ray cluster runs on this machine. Start one with `ray start --head`, or use "
            "executor.address=local or HOST:PORT."
        )
    lines = (line.strip() for line in str(error).splitlines())
    return " ".join(line for line in lines if line)


def _cause(error: Exception) -> str:
    """Return why an actor ended, in a few words.

    Ray's text is a paragraph, or a traceback with the error at its end.
    """
    known = re.search(r"because (its (?:node|worker process) has died)", str(error))
    return known[1] if known else str(error).strip().splitlines()[-1].strip()


def serve(requests: Iterable[str], answers: IO[str]) -> None:
    """Answer requests until there are no more.

    Args:
        requests: The requests, one per line.
        answers: Receives an answer per line.
    """
    driver = Driver()
    try:
        for line in requests:
            request = json.loads(line)
            try:
                answer = {"value": getattr(driver, request["method"])(**request["arguments"])}
            except ValueError as error:
                answer = {"error": str(error)}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
    finally:
        with contextlib.suppress(BrokenPipeError):
            driver.close()


if __name__ == "__main__":
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)  # processes that Ray starts would keep it open
    with os.fdopen(descriptor, "w") as answers:
        serve(sys.stdin, answers)
