"""The program of a Slurm job: it runs workers, and queues the job again at its time limit.

Slurm sends SIGUSR2 to all processes of a job before the time limit. submitit then calls
`SlurmJob.checkpoint`, stores what that returns and queues the job again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

#: Seconds between two looks at the workers.
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class SlurmJob:
    """Runs a worker, or one on each GPU, until they end.

    Attributes:
        argv: The program of a worker, and its arguments.
        gpus: The number of GPUs; 0 for a worker on the processor.
    """

    argv: tuple[str, ...]
    gpus: int = 0

    def __call__(self) -> None:
        """Run the workers.

        Raises:
            SystemExit: If one ends with an error; its output is in the log of the job.
        """
        _WORKERS[:] = [_Worker(self.argv, variables) for variables in self._variables()]
        codes = [worker.wait() for worker in _WORKERS]
        if any(codes):
            sys.exit(next(abs(code) for code in codes if code))

    def checkpoint(self) -> DelayedSubmission:
        """Have the workers save checkpoints and end; return what the job runs when it restarts."""
        from submitit.helpers import DelayedSubmission

        for worker in _WORKERS:
            worker.stop()
        for worker in _WORKERS:
            worker.wait()
        return DelayedSubmission(self)

    def _variables(self) -> list[dict[str, str]]:
        """Return the environment variables of each worker."""
        if not self.gpus:
            return [{}]
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        devices = visible if len(visible) == self.gpus else map(str, range(self.gpus))
        return [{"CUDA_VISIBLE_DEVICES": device} for device in devices]


class _Worker:
    """A worker process, which a thread waits for.

    A signal handler calls `wait` while the main thread is in `wait`, so this takes no lock.
    """

    def __init__(self, argv: tuple[str, ...], variables: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            argv,
            # The processes that train set their threads themselves.
            env=os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | variables,
            # Slurm signals all processes, and SIGUSR2 would kill the worker and its children.
            preexec_fn=lambda: signal.signal(signal.SIGUSR2, signal.SIG_IGN),
        )
        self._codes: list[int] = []
        thread = threading.Thread(target=lambda: self._codes.append(self._process.wait()))
        thread.daemon = True
        thread.start()

    def stop(self) -> None:
        """Have the worker save checkpoints and end."""
        if not self._codes:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end; return its exit code, or minus the signal that ended it."""
        while not self._codes:
            time.sleep(POLL_SECONDS)
        return self._codes[0]


#: The workers of this process. A job is pickled, so it cannot hold them.
_WORKERS: list[_Worker] = []
