"""The interface of executors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Argument = TypeVar("Argument")
Message = TypeVar("Message")
Value = TypeVar("Value")

#: ``function(argument, report, should_stop)`` runs in a worker process. It reports progress with
#: ``report(message)`` and returns early once ``should_stop()`` is true. It must be a module-level
#: function, so that it can be pickled by reference. Slow imports belong in its body, because the
#: process that submits tasks imports its module too.
TaskFunction = Callable[[Argument, Callable[[Message], None], Callable[[], bool]], Value]


@dataclass(frozen=True)
class Task(Generic[Argument, Message, Value]):
    """What an executor runs.

    Attributes:
        function: A module-level function.
        argument: The first argument of the function; it must be picklable.
    """

    function: TaskFunction[Argument, Message, Value]
    argument: Argument


@dataclass(frozen=True)
class Handle(Generic[Value]):
    """Identifies a submitted task; can be serialized. The type is that of the function's value.

    Attributes:
        task_id: Unique among the tasks of an executor.
    """

    task_id: str


@dataclass(frozen=True)
class WorkerProcessDied:
    """The result of a task whose worker process died.

    Attributes:
        reason: A sentence such as "The worker process was killed by signal 9."
    """

    reason: str


@dataclass(frozen=True)
class Result(Generic[Value]):
    """The result of a task that has ended.

    Attributes:
        handle: The task.
        value: What its function returned, or `WorkerProcessDied`.
    """

    handle: Handle[Value]
    value: Value | WorkerProcessDied


#: Called with a task's handle and a message that its function reported.
ProgressCallback = Callable[[Handle[Value], Message], None]


def ignore_progress(handle: Handle[Any], message: object) -> None:
    """Do nothing: for tasks that report no progress."""


class Executor(ABC):
    """Runs tasks. Submit a batch, poll for progress and results, cancel, close.

    Tasks are independent: they may run in any order and at once.
    """

    @property
    @abstractmethod
    def slots(self) -> int:
        """The number of tasks that run at once; further submitted tasks wait."""

    @abstractmethod
    def submit(self, tasks: Sequence[Task[Any, Any, Value]]) -> list[Handle[Value]]:
        """Submit a batch of tasks and return a handle for each, in their order."""

    @abstractmethod
    def poll(
        self, on_progress: ProgressCallback[Value, Message] = ignore_progress
    ) -> list[Result[Value]]:
        """Wait briefly for messages; return the results that have arrived, each once.

        Args:
            on_progress: Called with each message that has arrived.

        Raises:
            AdamcmpError: If a task's function raised it.
        """

    @abstractmethod
    def cancel(self, handles: Collection[Handle[Any]]) -> None:
        """Ask some tasks to stop early.

        Running tasks return early; waiting tasks are dropped without a result.
        """

    @abstractmethod
    def close(self) -> None:
        """End the worker processes at once, except those that are meant to outlive this one."""
