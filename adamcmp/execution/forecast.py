"""What workers find out before they train: whether each kind of run can be, and how fast it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from adamcmp.config import Numerics
from adamcmp.errors import Interrupted
from adamcmp.execution.executors import Executor, WorkerDied
from adamcmp.planning.grouping import structure
from adamcmp.planning.planner import WIDTHS, Forecast, Kind, kinds, remember, remembered
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Speed

Signal = Callable[[], int | None]


def forecast(
    executor: Executor,
    left: Sequence[RunSpec],
    numerics: Numerics,
    interrupted: Signal,
    notice: Callable[[str], None] = lambda text: None,
) -> Forecast:
    """Check each kind of run, so that nothing is written of what cannot be trained; measure it.

    Args:
        executor: Where it is measured.
        left: The runs to train.
        numerics: How they are computed.
        interrupted: Returns the signal that has come, if any.
        notice: Called with what a person should know.

    Raises:
        AdamcmpError: When a kind of run cannot be trained.
        Interrupted: When a signal came.
    """
    found, one = kinds(spec.config for spec in left), _one_of_each(left)
    speeds = remembered(found, numerics)
    unknown = [spec for alike, spec in one.items() if alike not in speeds]
    if len(left) > 1 and any(spec.numerics.engine == "compiled" for spec in unknown):
        notice("compiling steps that are new here, which takes half a minute or more, and once")
    # Of one run nothing need be known.
    measured = _survey(executor, one.values(), unknown if len(left) > 1 else (), interrupted)
    remember(found, numerics, measured)
    return Forecast(found, speeds | measured, executor.workers)


def preview_forecast(
    executor: Executor, left: Sequence[RunSpec], numerics: Numerics, workers: int
) -> tuple[Forecast, bool]:
    """Return a forecast without compiling anything, and whether something has to be compiled.

    What has not been compiled is measured as it runs eagerly; on a processor that is a lane at a
    time, as if every width had that speed.

    Args:
        executor: Where it is measured.
        left: The runs to train.
        numerics: How they would be computed.
        workers: Groups that would be trained at once.

    Raises:
        AdamcmpError: When a kind of run cannot be trained.
    """
    found, one = kinds(spec.config for spec in left), _one_of_each(left)
    speeds = remembered(found, numerics)
    unknown = {alike: spec for alike, spec in one.items() if alike not in speeds}
    eager = _eager(executor, found, unknown, numerics.model_copy(update={"engine": "eager"}))
    compiles = any(spec.numerics.engine == "compiled" for spec in unknown.values())
    return Forecast(found, eager | speeds, workers), compiles


def _eager(
    executor: Executor, found: Mapping[str, Kind], one: Mapping[str, RunSpec], numerics: Numerics
) -> dict[str, Speed]:
    known = remembered(found, numerics)
    unknown = [replace(s, numerics=numerics) for alike, s in one.items() if alike not in known]
    measured = _survey(executor, unknown, unknown, lambda: None)
    remember(found, numerics, measured)
    speeds = known | measured
    if numerics.device == "cuda":
        return speeds
    return {
        alike: Speed(dict.fromkeys(WIDTHS["cpu"][:4], speed.step[1]), speed.evaluation)
        for alike, speed in speeds.items()
    }


def _one_of_each(specs: Iterable[RunSpec]) -> dict[str, RunSpec]:
    """Return one run of each kind, by structure."""
    one: dict[str, RunSpec] = {}
    for spec in specs:
        one.setdefault(structure(spec.config), spec)
    return one


def _survey(
    executor: Executor,
    specs: Iterable[RunSpec],
    measured: Collection[RunSpec],
    interrupted: Signal,
) -> dict[str, Speed]:
    """Check runs, and measure the speed of some of them; return speeds by structure."""
    waiting, speeds = deque(specs), {}
    lost: set[str] = set()
    while waiting or executor.busy:
        if number := interrupted():
            raise Interrupted(number, "nothing was trained")
        while waiting and executor.busy < executor.workers:
            spec = waiting.popleft()
            item = (spec, spec in measured)
            executor.submit("adamcmp.training.autotune:autotune", item, lambda item, told: None)
        for result in executor.wait():
            spec, value = result.item[0], result.value
            if isinstance(value, Speed):
                speeds[structure(spec.config)] = value
            elif isinstance(value, WorkerDied) and spec.run_id not in lost:
                # It may have been killed from outside. A run whose process dies again is one run's
                # failure: training it says so.
                lost.add(spec.run_id)
                waiting.append(spec)
    return speeds
