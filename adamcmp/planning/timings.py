"""Measured times of steps and evaluations, cached per machine."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from filelock import FileLock
from pydantic import Field, TypeAdapter

from adamcmp.platform.cache import cache_folder
from adamcmp.platform.files import write_atomically

#: Seconds after which timings are measured again, since the load of the machine may have changed.
MAX_AGE = 30 * 24 * 3600.0

_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Timings:
    """Measured times of runs of one kind.

    Attributes:
        step: Seconds of one run's step, by width of the group.
        evaluation: Seconds of one run's evaluation.
        measured: Time of the measurement, in seconds since 1970.
    """

    step: Annotated[Mapping[int, _Seconds], Field(min_length=1)]
    evaluation: _Seconds
    measured: float = field(default_factory=time.time)

    def fastest_width(self, limit: int) -> int:
        """Return the fastest width up to `limit`, among those measured and `limit` itself."""
        widths = {width for width in self.step if width <= limit} | {min(limit, max(self.step))}
        return min(widths, key=lambda width: (self._step(width), -width))

    def run_seconds(self, width: int, steps: int, evaluations: int) -> float:
        """Return the predicted seconds of one run in a group of this width."""
        return steps * self._step(width) + evaluations * self.evaluation

    def _step(self, width: int) -> float:
        """Return the seconds of one run's step, interpolating the group's time between widths."""
        widths = sorted(self.step)
        # Beyond the measured widths, the time per lane is taken as constant.
        inside = min(max(width, widths[0]), widths[-1])
        return float(np.interp(inside, widths, [w * self.step[w] for w in widths])) / inside


_TimingsByKey = dict[str, Timings]
_FILE = TypeAdapter(_TimingsByKey)


def cached_timings() -> dict[str, Timings]:
    """Return the timings measured on this machine within `MAX_AGE`, by timing key."""
    now = time.time()
    # If the clock was set back, the time of a measurement is in the future.
    return {key: t for key, t in _read().items() if abs(now - t.measured) < MAX_AGE}


def cache_timings(timings: Mapping[str, Timings]) -> None:
    """Write measured timings to the cache, by timing key."""
    if timings:
        _update(lambda existing: existing | dict(timings))


def discard_timings(key: str) -> None:
    """Remove the timings of one kind of run from the cache, so that they are measured again."""
    _update(lambda existing: {k: t for k, t in existing.items() if k != key})


def _update(change: Callable[[_TimingsByKey], _TimingsByKey]) -> None:
    # If the cache cannot be written, the next command measures again.
    with contextlib.suppress(OSError), FileLock(_file().with_suffix(".lock")):
        write_atomically(_file(), _FILE.dump_json(change(_read())))


def _file() -> Path:
    return cache_folder() / "speeds.json"


def _read() -> _TimingsByKey:
    try:
        return _FILE.validate_json(_file().read_bytes())
    except (OSError, ValueError):  # missing, of an older version, or damaged: measure again
        return {}
