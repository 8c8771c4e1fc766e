"""Measuring a kind of group before it is trained: how fast it is at which width."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from adamcmp.errors import AdamcmpError
from adamcmp.grouping import LaneGroup, fuses
from adamcmp.plan import RunSpec
from adamcmp.planner import WIDTHS, Speed
from adamcmp.training.checks import check_group
from adamcmp.training.evaluate import evaluate
from adamcmp.training.loop import Training, global_state_restored

#: Seconds after which no wider group is tried.
ENOUGH = 1.0
#: Most bytes of the lanes' state, so that it does not leave the processor's caches.
CACHES = 64 << 20
#: Steps that are timed in one go; the first of them warm up.
STEPS = 8


def survey(
    item: tuple[RunSpec, bool], report: Callable[[Any], None], stopping: Callable[[], bool]
) -> Speed | None:
    """Check what is to be trained and measure how fast it is; what executors call.

    Args:
        item: One of the runs of a kind, and whether to measure the kind's speed.
        report: Not called.
        stopping: Once it is true, no wider group is tried.

    Raises:
        AdamcmpError: As `check_group`.
    """
    spec, measures = item
    check_group(LaneGroup((spec,), fuses(spec)))
    return _speed(spec, stopping) if measures else None


def _speed(spec: RunSpec, stopping: Callable[[], bool]) -> Speed | None:
    """Time groups of lanes, the same run in each, as wide as they stay quick.

    When, as training begins, it crashes even alone, there is nothing to tell.
    """
    step: dict[int, float] = {}
    evaluations: dict[int, float] = {}
    until = math.inf
    with global_state_restored():
        widths = WIDTHS[spec.numerics.device] if fuses(spec) else (1,)
        for width in widths:
            try:
                training = Training(LaneGroup((spec,) * width, fuses(spec)))
                step[width], evaluations[width] = _timed(training)
            except AdamcmpError:
                raise
            except Exception:  # a crash (a width too large, the user's own model) is told later
                break
            until = min(until, time.monotonic() + ENOUGH)  # what is compiled first is no part of it
            slower = step[width] > 1.1 * min(step.values())
            spills = spec.numerics.device == "cpu" and 2 * training.lanes.bytes > CACHES
            if slower or spills or stopping() or time.monotonic() > until:
                break
    if not step:
        return None
    return Speed(step, evaluations[min(step, key=lambda width: step[width])])


def _timed(training: Training) -> tuple[float, float]:
    """Return the seconds of one run's step, and of one run's evaluation."""
    stretch, width = training.stretch(0), len(training.runs)
    step = _best(lambda: training.lanes.steps(stretch, STEPS).loss_M.tolist())  # waits for a GPU
    return step / (STEPS * width), _best(lambda: evaluate(training.lanes, training.data)) / width


def _best(call: Callable[[], object]) -> float:
    """Return the seconds of the quickest of a few calls, after one that warms up."""
    call()
    best, until = math.inf, time.monotonic() + ENOUGH / 10
    while True:
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
        if time.monotonic() >= until:
            return best
