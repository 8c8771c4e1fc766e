"""How fast kinds of groups were when they were measured on this machine, kept in the cache."""

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

#: Seconds for which a measured speed is believed; what else the machine does changes in time.
FRESH = 30 * 24 * 3600.0

_Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Speed:
    """What was measured of a kind of group.

    Attributes:
        step: Seconds of one run's step, by width of the group.
        evaluation: Seconds of one run's evaluation.
        measured: When, in seconds since 1970.
    """

    step: Annotated[Mapping[int, _Seconds], Field(min_length=1)]
    evaluation: _Seconds
    measured: float = field(default_factory=time.time)

    def width(self, most: int) -> int:
        """Return the fastest width up to `most`, of those measured and `most` itself."""
        widths = {width for width in self.step if width <= most} | {min(most, max(self.step))}
        return min(widths, key=lambda width: (self._step(width), -width))

    def seconds(self, width: int, steps: int, evaluations: int) -> float:
        """Return what one run of a group of this width takes."""
        return steps * self._step(width) + evaluations * self.evaluation

    def _step(self, width: int) -> float:
        """Return one run's step: a group's is on a straight line between measured widths."""
        widths = sorted(self.step)
        inside = min(max(width, widths[0]), widths[-1])
        return float(np.interp(inside, widths, [w * self.step[w] for w in widths])) / inside


_Speeds = dict[str, Speed]
_FILE = TypeAdapter(_Speeds)


def kept_speeds() -> dict[str, Speed]:
    """Return the speeds that were measured here not long ago, by key."""
    now = time.time()
    return {key: speed for key, speed in _read().items() if abs(now - speed.measured) < FRESH}


def keep_speeds(speeds: Mapping[str, Speed]) -> None:
    """Keep measured speeds for the next time, by key."""
    if speeds:
        _change(lambda there: there | dict(speeds))


def forget_speed(key: str) -> None:
    """Have a kind of group measured anew the next time."""
    _change(lambda there: {k: speed for k, speed in there.items() if k != key})


def _change(change: Callable[[_Speeds], _Speeds]) -> None:
    # Where nothing can be kept, it is measured anew.
    with contextlib.suppress(OSError), FileLock(_file().with_suffix(".lock")):
        write_atomically(_file(), _FILE.dump_json(change(_read())))


def _file() -> Path:
    return cache_folder() / "speeds.json"


def _read() -> _Speeds:
    try:
        return _FILE.validate_json(_file().read_bytes())
    except (OSError, ValueError):  # none yet, of an older version, or damaged: measure anew
        return {}
