"""The exceptions that adamcmp raises for its callers.

    AdamcmpError
    ├── ConfigError        an override, option or configuration is invalid        (exit 2)
    │   ├── NotFound       a study, run or component does not exist               (exit 2)
    │   └── NothingToDraw  a plot does not apply to the selected runs             (exit 2)
    ├── DataError          a dataset's files are missing, corrupt or unusable     (exit 2)
    ├── EngineError        a training step cannot be compiled                     (exit 2)
    ├── StoreError         a study on disk is damaged, locked or unwritable       (exit 2)
    ├── RunInProgress      another process is training a requested run            (exit 1)
    └── RunFailed          training crashed; the crash is stored with the run     (exit 1)

A run that diverges raises nothing: divergence is a run's status. A statistic or a plot that fails
raises nothing either: the report names it in its audit, and the command exits with 1.
"""

import difflib
from collections.abc import Iterable
from typing import Any


class AdamcmpError(Exception):
    """Base class of all errors of this package.

    The text is one or two lines that say what happened, where, and what to do.

    Attributes:
        exit_code: The exit code of a command that ends with this error.
    """

    exit_code = 2


class ConfigError(AdamcmpError):
    """A name, key, type or range on the command line or in a configuration is wrong."""


class NotFound(ConfigError):
    """A study, run or component of the requested name does not exist."""


class NothingToDraw(ConfigError):
    """A plot does not apply to the selected runs; the text says why."""


class DataError(AdamcmpError):
    """A dataset's file is missing or corrupt, or its contents cannot be trained on."""


class EngineError(AdamcmpError):
    """The training step of a group cannot be compiled on this machine."""


class StoreError(AdamcmpError):
    """A study on disk is damaged, locked by another process, or cannot be written."""


class RunInProgress(AdamcmpError):
    """Another process is training a requested run; its result is stored when that process ends."""

    exit_code = 1


#: The name of `RunInProgress` in version 0.1.
Elsewhere = RunInProgress


class Interrupted(KeyboardInterrupt):
    """SIGINT, SIGTERM, SIGHUP or a time limit ended training after the finished work was stored.

    Attributes:
        number: The signal's number.
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
        value: The task's return value.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


#: Maximum number of characters of a value in a message.
_SHOWN = 100


def shortened(text: str) -> str:
    """Return a text as messages show it: a long one is cut.

    >>> shortened("a" * 300) == "a" * 100 + "…"
    True
    """
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def counted(number: int, noun: str) -> str:
    """Return a number with a noun, for messages.

    >>> counted(1, "run"), counted(20, "run")
    ('1 run', '20 runs')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


#: Common names of settings and values, and the names that adamcmp uses.
SYNONYMS = {
    **{"gpu": "cuda", "learning_rate": "lr", "weight_decay": "wd"},
    **{"bs": "batch_size", "iterations": "steps", "opt": "optimizer", "random_seed": "seed"},
    **{"beta1": "optimizer.betas", "beta2": "optimizer.betas"},
}


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion for a mistyped name, to be appended to an error message.

    Args:
        name: The name that was typed.
        known: The names that exist.

    Returns:
        `` Did you mean 'x'?`` for the most similar name; an empty string if none is similar.

    >>> nearest("optimzer", ["optimizer", "dataset"])
    " Did you mean 'optimizer'?"
    >>> nearest("lerning_rate", ["lr", "wd"])
    " Did you mean 'lr'?"
    >>> nearest("x", ["optimizer", "dataset"])
    ''
    """
    # Of names that differ only in case, the first one counts.
    by_lower_case = {known_name.lower(): known_name for known_name in reversed([*known])}
    synonyms = {s: by_lower_case[n] for s, n in SYNONYMS.items() if n in by_lower_case}
    candidates = synonyms | by_lower_case
    close = difflib.get_close_matches(name.lower(), list(candidates), n=1, cutoff=0.6)
    return f" Did you mean '{candidates[close[0]]}'?" if close else ""
