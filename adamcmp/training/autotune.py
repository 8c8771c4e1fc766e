"""Measure how fast runs of one kind train at several group widths."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Sequence

from adamcmp.errors import AdamcmpError
from adamcmp.planning.cost_model import WIDTHS
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Timings
from adamcmp.training.checks import is_out_of_memory
from adamcmp.training.evaluate import evaluate
from adamcmp.training.loop import GroupTraining
from adamcmp.training.outcome import Failed
from adamcmp.training.torch_state import torch_state

#: No wider group is tried after this many seconds of preparing candidates.
MAX_PREPARATION_SECONDS = 1.0
#: Seconds of timed steps per width, and seconds of timed evaluations.
TIMING_SECONDS = 0.1
#: Minimum number of rounds in which all widths are timed.
MIN_ROUNDS = 5
#: On a CPU, no wider group is tried if the state of twice as many lanes would exceed this many
#: bytes, because it would not fit the caches.
CACHE_BYTES = 64 << 20
#: Maximum number of steps and seconds of one timing. Timings are short so that some of them are not
#: disturbed by other processes.
TIMING_STEPS, SECONDS_PER_TIMING = 8, 0.01


def autotune(spec: RunSpec, should_stop: Callable[[], bool]) -> Timings | Failed:
    """Measure how fast a run trains at several group widths.

    Args:
        spec: The run.
        should_stop: Once it returns true, the measurement ends.

    Returns:
        The timings; `Failed` if training crashes.

    Raises:
        AdamcmpError: If the run cannot be trained as configured.
    """
    with torch_state():
        try:
            return _timings(_candidates(spec, should_stop), should_stop)
        except AdamcmpError:
            raise
        except Exception as error:  # usually an error in the user's model
            text = f"{type(error).__name__}: {error}"
            return Failed(text, (spec.run_id,), traceback.format_exc())


class _Candidate:
    """A group of several lanes of one run, ready to train.

    Attributes:
        width: Number of lanes.
        training: The group.
        step: Shortest measured time of one lane's step, in seconds.
    """

    def __init__(self, spec: RunSpec, width: int) -> None:
        numerics = spec.numerics
        # Thread time does not advance while other processes use the core.
        single_thread = numerics.device == "cpu" and numerics.threads == 1
        self._clock = time.thread_time if single_thread else time.perf_counter
        self.training = GroupTraining(LaneGroup((spec,) * width))
        self.width, self.step = width, math.inf
        self._chunk = self.training.chunk(0)
        for _ in range(2):  # compile the step or load its code; on a GPU, record it
            self._take(1)
        seconds = self._seconds(lambda: self._take(1))
        self._count = max(min(int(SECONDS_PER_TIMING / seconds), TIMING_STEPS), 1)

    def time_steps(self) -> None:
        """Time some steps and update `step`."""
        seconds = self._seconds(lambda: self._take(self._count))
        self.step = min(self.step, seconds / (self._count * self.width))

    def time_evaluation(self) -> float:
        """Return the shortest measured time of one lane's evaluation, in seconds."""
        lanes, data = self.training.lanes, self.training.data
        for _ in range(2):  # on a GPU, the second evaluation is recorded
            evaluate(lanes, data)
        best, until = math.inf, time.monotonic() + TIMING_SECONDS
        while math.isinf(best) or time.monotonic() < until:
            best = min(best, self._seconds(lambda: evaluate(lanes, data)))
        return best / self.width

    def _take(self, count: int) -> None:
        self.training.lanes.steps(self._chunk, count).loss_M.tolist()  # waits for a GPU

    def _seconds(self, function: Callable[[], object]) -> float:
        began = self._clock()
        function()
        return self._clock() - began


def _candidates(spec: RunSpec, should_stop: Callable[[], bool]) -> list[_Candidate]:
    """Return groups of increasing width, up to the limits of memory and time."""
    candidates: list[_Candidate] = []
    until = math.inf
    for width in WIDTHS[spec.numerics.device] if spec.fuses else (1,):
        try:
            candidates.append(_Candidate(spec, width))
        except (MemoryError, RuntimeError) as error:
            if not candidates or not is_out_of_memory(error):
                raise
            break
        # The limit starts after the first candidate, so that compiling does not count.
        until = min(until, time.monotonic() + MAX_PREPARATION_SECONDS)
        on_cpu = spec.numerics.device == "cpu"
        exceeds_caches = on_cpu and 2 * candidates[-1].training.lanes.nbytes > CACHE_BYTES
        if exceeds_caches or should_stop() or time.monotonic() > until:
            break
    return candidates


def _timings(candidates: Sequence[_Candidate], should_stop: Callable[[], bool]) -> Timings:
    """Time the candidates in alternation, so that a slow phase of the machine affects them all."""
    rounds, until = 0, time.monotonic() + TIMING_SECONDS * len(candidates)
    while rounds == 0 or (not should_stop() and (rounds < MIN_ROUNDS or time.monotonic() < until)):
        for candidate in candidates:
            candidate.time_steps()
        rounds += 1
    fastest = min(candidates, key=lambda candidate: candidate.step)
    return Timings({c.width: c.step for c in candidates}, fastest.time_evaluation())
