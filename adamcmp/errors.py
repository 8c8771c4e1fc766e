"""Every error that adamcmp raises on purpose, one tree.

    AdamcmpError
    ├── ConfigError     the words of a command or a config are wrong      (exit 2)
    │   ├── NotFound    a study, run or part that does not exist          (exit 2)
    │   └── NothingToDraw  a plot that does not apply to these runs       (exit 2)
    ├── DataError       a dataset's files are missing, corrupt or unfit   (exit 2)
    ├── EngineError     what was asked to be compiled cannot be           (exit 2)
    ├── StoreError      a study on disk is damaged, locked or unwritable  (exit 2)
    ├── RunInProgress       another process is training what was asked for    (exit 1)
    └── RunFailed       training crashed; the crash is recorded as data   (exit 1)

Divergence is not here: it is a status of a run, never an exception.
"""

import difflib
from collections.abc import Iterable
from typing import Any


class AdamcmpError(Exception):
    """Base of all errors of this package; its text is one or two lines for a person."""

    exit_code = 2


class ConfigError(AdamcmpError):
    """A group, key, type or range on the command line or in a config is wrong."""


class NotFound(ConfigError):
    """A named study, run or part does not exist."""


class NothingToDraw(ConfigError):
    """A plot does not apply to the runs at hand; its text says why."""


class DataError(AdamcmpError):
    """A dataset's file is missing, corrupt, or holds what cannot be learned from."""


class EngineError(AdamcmpError):
    """The step of a group cannot be compiled here."""


class StoreError(AdamcmpError):
    """A study on disk is damaged, locked by another process, or cannot be written."""


class RunInProgress(AdamcmpError):
    """Another process is training what was asked for; it is there when that one has ended."""

    exit_code = 1


#: The name of `RunInProgress` in version 0.1.
Elsewhere = RunInProgress


class Interrupted(KeyboardInterrupt):
    """SIGINT, SIGTERM or SIGHUP ended a sweep, after what was done had been written.

    Attributes:
        number: The signal.
    """

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class RunFailed(AdamcmpError):
    """A run crashed while it trained."""

    exit_code = 1


class WorkerUnusable(Exception):
    """Raised by an executor's task whose process must be replaced, such as after a GPU fault.

    Attributes:
        value: What the task returns.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


def nearest(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the closest of `known`, or "" when none is close."""
    lower = {name.lower(): name for name in reversed([*known])}
    wanted = _ALSO_CALLED.get(name.lower(), name.lower())
    close = difflib.get_close_matches(wanted, list(lower), n=1, cutoff=0.6)
    return f" Did you mean '{lower[close[0]]}'?" if close else ""


#: What people call something that has another name here.
_ALSO_CALLED = {"gpu": "cuda"}
