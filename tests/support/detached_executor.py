"""An executor whose tasks run in processes that outlive the one that submitted them.

A task, its progress and its result are files of a folder. Another process that has the handles can
poll for what the first one submitted, as with a cluster's executor.
"""

import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeVar

from adamcmp.errors import AdamcmpError
from adamcmp.execution.executors import (
    Executor,
    Handle,
    ProgressCallback,
    Result,
    Task,
    WorkerProcessDied,
)
from adamcmp.platform.files import write_atomically

Message = TypeVar("Message")
Value = TypeVar("Value")


class Detached(Executor):
    """Runs each task in a process with a new session.

    Args:
        folder: The folder of tasks, progress and results.
        handles: Tasks that another process submitted, to be polled for here.
    """

    def __init__(self, folder: Path, handles: Collection[Handle[Any]] = ()) -> None:
        self._folder = folder
        self._waiting = set(handles)
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def slots(self) -> int:
        return 2

    def submit(self, tasks: Sequence[Task[Any, Any, Value]]) -> list[Handle[Value]]:
        handles = []
        for task in tasks:
            name = f"{time.time_ns()}-{len(self._waiting)}"
            write_atomically(self._folder / f"{name}.task", pickle.dumps(task))
            command = [sys.executable, "-m", "tests.support.detached_executor"]
            environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
            # Not subprocess.Popen, which would wait for its child when this process ends.
            pid = os.posix_spawn(
                sys.executable, [*command, str(self._folder), name], environment, setsid=True
            )
            (self._folder / f"{name}.pid").write_text(str(pid))
            handles.append(Handle(name))
        self._waiting |= set(handles)
        return handles

    def poll(
        self, on_progress: ProgressCallback[Value, Message] = lambda handle, message: None
    ) -> list[Result[Value]]:
        time.sleep(0.05)
        results = []
        for handle in sorted(self._waiting, key=lambda handle: handle.task_id):
            if (progress := self._path(handle, "progress")).exists():
                on_progress(handle, pickle.loads(progress.read_bytes()))
            if (result := self._path(handle, "result")).exists():
                value = pickle.loads(result.read_bytes())
                self._waiting.remove(handle)
                if isinstance(value, AdamcmpError):
                    raise value
                results.append(Result(handle, value))
            elif not self._alive(handle):
                self._waiting.remove(handle)
                results.append(Result(handle, WorkerProcessDied("The process is gone.")))
        return results

    def cancel(self, handles: Collection[Handle[Any]]) -> None:
        for handle in handles:
            self._path(handle, "stop").touch()

    def close(self) -> None:
        """Do not end the processes: they continue."""

    def kill(self, handle: Handle[Any]) -> None:
        os.kill(int(self._path(handle, "pid").read_text()), signal.SIGKILL)

    def _alive(self, handle: Handle[Any]) -> bool:
        status = Path(f"/proc/{self._path(handle, 'pid').read_text()}/stat")
        return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"

    def _path(self, handle: Handle[Any], suffix: str) -> Path:
        return self._folder / f"{handle.task_id}.{suffix}"


def submit_and_die(folder: Path, tasks: Sequence[Task[Any, Any, Any]]) -> None:
    """Submit tasks, write their handles to a file, and kill this process while they run."""
    handles = Detached(folder).submit(tasks)
    (folder / "handles.json").write_text(json.dumps([handle.task_id for handle in handles]))
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, name: str) -> None:
    task = pickle.loads((folder / f"{name}.task").read_bytes())

    def report(message: object) -> None:
        write_atomically(folder / f"{name}.progress", pickle.dumps(message))

    try:
        value = task.function(task.argument, report, (folder / f"{name}.stop").exists)
    except AdamcmpError as error:
        value = error
    write_atomically(folder / f"{name}.result", pickle.dumps(value))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
