"""What executors have in common."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: ``function(item, report, stopping)``: it tells of its progress with ``report(message)``, and
#: returns early once ``stopping()`` is true.
Function = Callable[[Any, Callable[[Any], None], Callable[[], bool]], Any]
ProgressCallback = Callable[[Any, Any], None]


def named(name: str) -> Function:
    """Return the function called ``module:function``.

    Executors are given names, since importing what a worker runs may take seconds and memory that
    the process which feeds the workers need not spend.
    """
    module, _, function = name.partition(":")
    found: Function = getattr(importlib.import_module(module), function)
    return found


@dataclass(frozen=True)
class WorkerDied:
    """What became of an item whose worker died, such as "killed by signal 9"."""

    reason: str


@dataclass(frozen=True)
class Result:
    """What came of an item: the function's value, or `WorkerDied`."""

    item: Any
    value: Any


class Executor(ABC):
    """Runs functions of items; knows nothing of what they do."""

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many items are run at once."""

    @property
    @abstractmethod
    def busy(self) -> int:
        """How many items have been submitted and not returned."""

    @abstractmethod
    def submit(self, function: str, item: Any, progress: ProgressCallback) -> None:
        """Have a function run an item; `workers` at most at once.

        Args:
            function: Its name (see `named`).
            item: What it is called with.
            progress: Called with the item and what the function reports of it.
        """

    @abstractmethod
    def wait(self) -> list[Result]:
        """Return the results that are there, after waiting a moment for the first.

        Raises:
            AdamcmpError: As the function raised it.
        """

    @abstractmethod
    def stop(self) -> None:
        """Ask running functions to return early."""

    @abstractmethod
    def close(self) -> None:
        """End all workers, at once."""
