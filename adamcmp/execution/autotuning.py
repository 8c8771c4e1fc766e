"""Before training, check each kind of run and measure the speed of each group width."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adamcmp.config import Numerics
from adamcmp.errors import Interrupted
from adamcmp.execution.executors import Executor, Handle, Result, Task, WorkerProcessDied
from adamcmp.execution.signals import InterruptedBy
from adamcmp.planning.cost_model import CostModel, keep_timings, known_timings
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.specs import RunSpec
from adamcmp.planning.timings import Timings, discard_timings
from adamcmp.platform.provenance import cuda_available
from adamcmp.training import tasks
from adamcmp.training.outcome import Done, Outcome

#: Measure again if actual and predicted time differ by more than this factor.
TOLERANCE = 1.5
#: Groups shorter than this many seconds are not compared with the prediction, by device: their time
#: is mostly start-up, and on a GPU also recording CUDA graphs and loading code.
MIN_SECONDS = {"cpu": 2.0, "cuda": 30.0}


def can_measure(device: str) -> bool:
    """Return whether this machine has a device; a login node may lack the GPU of the jobs."""
    return device != "cuda" or cuda_available()


def autotuned(
    plan: Plan,
    executor: Executor,
    interrupted: InterruptedBy,
    notice: Callable[[str], None],
    runs: int | None = None,
) -> Plan:
    """Return a plan with costs, after checking each kind of its runs.

    Nothing is written before every kind has been checked.

    Args:
        plan: The runs to train.
        executor: Runs the checks and measurements.
        interrupted: Returns the signal that has arrived, if any.
        notice: Called with messages to the user.
        runs: The number of runs to group, where the plan has only some of them; None for its runs.

    Raises:
        AdamcmpError: If a kind of run cannot be trained.
        Interrupted: If a signal arrives.
    """
    timings = known_timings(plan.run_kinds, plan.numerics)
    examples = plan.one_per_run_kind()
    # A single run is trained without measuring.
    several = (len(plan.specs) if runs is None else runs) > 1
    unknown = [spec for key, spec in examples.items() if key not in timings] if several else []
    if any(spec.numerics.engine == "compiled" for spec in unknown):
        notice("The training steps of this study are compiled once, which takes 10 s or more.")
    checked = _check(executor, list(examples.values()), unknown, interrupted)
    for text in dict.fromkeys(text for result in checked.values() for text in result.notices):
        notice(text)
    measured = _timings(checked)
    keep_timings(plan.run_kinds, plan.numerics, measured)
    if plan.notice:
        notice(plan.notice)
    return plan.with_costs(CostModel(plan.run_kinds, timings | measured, executor.slots))


def autotuned_without_compiling(plan: Plan, executor: Executor, workers: int) -> Plan:
    """Return a plan with costs, without compiling anything: for a dry run.

    Compiled runs without timings are measured with the fastest engine that compiles nothing, which
    gives an upper bound.

    Args:
        plan: The runs to train.
        executor: Runs the measurements.
        workers: Number of groups that would be trained at once.

    Raises:
        AdamcmpError: If a kind of run cannot be trained.
    """
    timings = known_timings(plan.run_kinds, plan.numerics)
    unknown = {key: spec for key, spec in plan.one_per_run_kind().items() if key not in timings}
    compiled = {key: spec for key, spec in unknown.items() if spec.numerics.engine == "compiled"}
    others = {key: spec for key, spec in unknown.items() if key not in compiled}
    engine = "eager" if plan.numerics.device == "cuda" else "traced"
    substitute = plan.numerics.model_copy(update={"engine": engine})
    measured = {
        **_measure(executor, plan, others, plan.numerics),
        **_measure(executor, plan, _with_numerics(compiled, substitute), substitute),
    }
    costs = CostModel(plan.run_kinds, measured | timings, workers, upper_bound=bool(compiled))
    return plan.with_costs(costs)


def discard_wrong_timings(
    costs: CostModel, numerics: Numerics, group: LaneGroup, outcome: Outcome
) -> None:
    """Discard the timings of a kind of run if they mispredicted the time of a group.

    Args:
        costs: The prediction.
        numerics: The study's numerics, which are part of the cache key of timings.
        group: A group that has ended.
        outcome: Its outcome.
    """
    predicted = costs.seconds(group)
    if predicted is None or not isinstance(outcome, Done):
        return
    if any(row["status"] != "done" for row in outcome.runs):
        return  # lanes that diverged took fewer steps
    actual = sum(row["wall_time_s"] for row in outcome.runs)
    long_enough = max(predicted, actual) >= MIN_SECONDS[numerics.device]
    if long_enough and not 1 / TOLERANCE <= actual / predicted <= TOLERANCE:
        run_kind = costs.run_kinds[group.specs[0].run_kind]
        discard_timings(run_kind.timing_key(numerics))


def _with_numerics(specs: Mapping[str, RunSpec], numerics: Numerics) -> dict[str, RunSpec]:
    return {key: replace(spec, numerics=numerics) for key, spec in specs.items()}


def _measure(
    executor: Executor, plan: Plan, examples: Mapping[str, RunSpec], numerics: Numerics
) -> dict[str, Timings]:
    """Return the timings of kinds of runs; measure and cache those that the cache lacks."""
    run_kinds = {key: plan.run_kinds[key] for key in examples}
    known = known_timings(run_kinds, numerics)
    unknown = [spec for key, spec in examples.items() if key not in known]
    measured = _timings(_check(executor, unknown, unknown, lambda: None))
    keep_timings(run_kinds, numerics, measured)
    return known | measured


def _check(
    executor: Executor,
    checked: Sequence[RunSpec],
    measured: Collection[RunSpec],
    interrupted: InterruptedBy,
) -> dict[str, tasks.Checked]:
    """Check runs, measure those in `measured`, and return the results by run kind key."""
    waiting: deque[tuple[Task[Any, Any, Any], RunSpec | None]] = deque(
        (Task(tasks.autotune_task, (spec, spec in measured)), spec) for spec in checked
    )
    if len(waiting) < executor.slots:
        # A free process compiles the evaluations while another one compiles the steps.
        compiled = [spec for spec in measured if spec.numerics.engine == "compiled"]
        waiting += [(Task(tasks.compile_evaluation_task, spec), None) for spec in compiled]
    running: dict[Handle[Any], tuple[Task[Any, Any, Any], RunSpec | None]] = {}
    results: dict[str, tasks.Checked] = {}
    retried: set[str] = set()
    while waiting or running:
        if number := interrupted():
            raise Interrupted(number, "nothing was trained")
        while waiting and len(running) < executor.slots:
            task, spec = waiting.popleft()
            (handle,) = executor.submit([task])
            running[handle] = task, spec
        ended: list[Result[Any]] = executor.poll()
        for result in ended:
            task, spec = running.pop(result.handle)
            if spec is None:
                continue
            if isinstance(result.value, tasks.Checked):
                results[spec.run_kind] = result.value
            elif isinstance(result.value, WorkerProcessDied) and spec.run_id not in retried:
                # The run may not be the cause. If the process dies again, training reports the
                # run's failure.
                retried.add(spec.run_id)
                waiting.append((task, spec))
            elif isinstance(result.value, WorkerProcessDied) and spec in measured:
                notice = tasks.not_measured(spec, result.value.reason)
                results[spec.run_kind] = tasks.Checked((notice,))
    return results


def _timings(checked: Mapping[str, tasks.Checked]) -> dict[str, Timings]:
    """Return the timings of the runs that were measured, by run kind key."""
    return {key: result.timings for key, result in checked.items() if result.timings}
