"""Measuring a kind of group before it is trained: how fast it is at which width."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from adamcmp.errors import AdamcmpError
from adamcmp.planning.cost_model import WIDTHS
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Timings
from adamcmp.training.checks import check_group
from adamcmp.training.evaluate import evaluate
from adamcmp.training.loop import Training, torch_state

#: Seconds after which no wider group is tried.
ENOUGH = 1.0
#: Seconds of timing steps for each width, and so many of timing evaluations.
TIMED = 0.1
#: Least number of turns in which widths are timed.
TURNS = 5
#: Most bytes of the lanes' state, so that it does not leave the processor's caches.
CACHES = 64 << 20
#: Most steps that are timed in one go, and about how many seconds they take: so short that some
#: goes are not disturbed by what else the machine does.
STEPS, GO = 8, 0.01


def autotune(
    item: tuple[RunSpec, bool], report: Callable[[Any], None], stopping: Callable[[], bool]
) -> Timings | None:
    """Check what is to be trained and measure how fast it is; what executors call.

    Args:
        item: One of the runs of a kind, and whether to measure the kind's speed.
        report: Not called.
        stopping: Once it is true, measuring ends.

    Returns:
        The speed; None where it is not to be measured or cannot be: training that crashes even
        alone is told of when the run is trained, with its error.

    Raises:
        AdamcmpError: As `check_group`.
    """
    spec, measures = item
    check_group(LaneGroup.of([spec]))
    if not measures:
        return None
    with torch_state():
        try:
            return _speed(_candidates(spec, stopping), stopping)
        except AdamcmpError:
            raise
        except Exception:  # the user's own model, as a rule
            return None


class _Candidate:
    """A group of some lanes of one run, ready to train, and the quickest that it has been.

    Attributes:
        width: Lanes.
        step: Seconds of one lane's step.
    """

    def __init__(self, spec: RunSpec, width: int) -> None:
        numerics = spec.numerics
        # The time of one thread does not run while others have the processor.
        alone = numerics.device == "cpu" and numerics.threads == 1
        self._clock = time.thread_time if alone else time.perf_counter
        self.training = Training(LaneGroup.of([spec] * width))
        self.width, self.step = width, math.inf
        self._stretch = self.training.stretch(0)
        for _ in range(2):  # compiles, or loads what was compiled; on a GPU, records it
            self._take(1)
        once = self._seconds(lambda: self._take(1))
        self._count = max(min(int(GO / once), STEPS), 1)

    def time(self) -> None:
        """Take some steps."""
        taken = self._seconds(lambda: self._take(self._count))
        self.step = min(self.step, taken / (self._count * self.width))

    def evaluation(self) -> float:
        """Return the seconds of one lane's evaluation: the quickest of a few."""
        lanes, data = self.training.lanes, self.training.data
        for _ in range(2):  # on a GPU the second one is recorded
            evaluate(lanes, data)
        best, until = math.inf, time.monotonic() + TIMED
        while math.isinf(best) or time.monotonic() < until:
            best = min(best, self._seconds(lambda: evaluate(lanes, data)))
        return best / self.width

    def _take(self, count: int) -> None:
        self.training.lanes.steps(self._stretch, count).loss_M.tolist()  # waits for a GPU

    def _seconds(self, call: Callable[[], object]) -> float:
        began = self._clock()
        call()
        return self._clock() - began


def _candidates(spec: RunSpec, stopping: Callable[[], bool]) -> list[_Candidate]:
    """Return groups of the same run, as wide as fits the memory and the time."""
    found: list[_Candidate] = []
    until = math.inf
    for width in WIDTHS[spec.numerics.device] if spec.fuses else (1,):
        try:
            found.append(_Candidate(spec, width))
        except (MemoryError, RuntimeError):  # torch's own out of memory is a RuntimeError
            if not found:
                raise
            break
        until = min(until, time.monotonic() + ENOUGH)  # what is compiled first is no part of it
        spills = spec.numerics.device == "cpu" and 2 * found[-1].training.lanes.bytes > CACHES
        if spills or stopping() or time.monotonic() > until:
            break
    return found


def _speed(candidates: Sequence[_Candidate], stopping: Callable[[], bool]) -> Timings:
    """Time candidates in turn, so that what slows the machine for a while slows them all."""
    turns, until = 0, time.monotonic() + TIMED * len(candidates)
    while turns == 0 or (not stopping() and (turns < TURNS or time.monotonic() < until)):
        for candidate in candidates:
            candidate.time()
        turns += 1
    best = min(candidates, key=lambda candidate: candidate.step)
    return Timings({c.width: c.step for c in candidates}, best.evaluation())
