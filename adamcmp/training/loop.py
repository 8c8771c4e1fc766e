"""Training a group from its specs to its outcome."""

from __future__ import annotations

import contextlib
import gc
import math
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from adamcmp.errors import AdamcmpError, WorkerUnusable
from adamcmp.planning.grouping import LaneGroup, TrainTask
from adamcmp.planning.horizon import evaluation_steps, horizon
from adamcmp.platform.provenance import cpu_features, hardware, software
from adamcmp.training import checkpoint
from adamcmp.training.checkpoint import Checkpoint
from adamcmp.training.device_data import DeviceData, to_device
from adamcmp.training.evaluate import evaluate
from adamcmp.training.outcome import Done, Failed, Outcome, Stopped, TrainingProgress
from adamcmp.training.run_record import Run
from adamcmp.training.step.chunks import STRIDE, Layout, StepChunk
from adamcmp.training.step.config import StepConfig
from adamcmp.training.step.lanes import Lanes, Step

#: Seconds of steps between two looks at whether to stop or to keep a checkpoint; slow models take
#: fewer steps in one go.
LOOK_EVERY = 2.0


Watch = Callable[[TrainingProgress], None]


def train(task: TrainTask, report: Watch, stopping: Callable[[], bool]) -> Outcome:
    """Train a task's group, from its checkpoint where it has one; what executors call.

    Args:
        task: The group.
        report: Called with `TrainingProgress` as training goes on.
        stopping: Once it is true, training ends at its checkpoint.

    Raises:
        AdamcmpError: As `train_group`.
        WorkerUnusable: When a crash has left the GPU unusable for this process.
    """
    outcome = train_group(task.group, report, task, stopping)
    if isinstance(outcome, Failed) and _on_gpu():
        try:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()
        except RuntimeError:  # as every call from here on
            raise WorkerUnusable(outcome) from None
    return outcome


def train_group(
    group: LaneGroup,
    watch: Watch = lambda progress: None,
    task: TrainTask | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Train a group's runs together.

    Args:
        group: The runs.
        watch: Called as training goes on.
        task: Where its checkpoint is; None keeps none.
        stopping: Once it is true, training ends at its checkpoint.

    Returns:
        `Done` with the runs' rows, diverged ones among them; `Failed` when training crashed;
        `Stopped` when it was told to stop.

    Raises:
        AdamcmpError: When what was asked cannot be trained at all.
    """
    with torch_state():
        try:
            return Training(group, watch, task, stopping).run()
        except AdamcmpError:
            raise
        except _Stopping:
            return Stopped()
        except Exception as error:  # a crash (out of memory, the user's own model) is data
            failed = Failed(
                f"{type(error).__name__}: {error}",
                tuple(spec.run_id for spec in group.specs),
                traceback.format_exc(),
            )
        gc.collect()  # what crashed for want of memory must not keep it from what is tried next
        return failed


@contextlib.contextmanager
def torch_state() -> Iterator[None]:
    """Compute as every process does, whatever the caller's settings; leave torch's state as it was.

    Subnormal numbers are flushed to zero.

    A momentum whose gradient has become zero (a unit that is dead, a weight that has decayed) ends
    in subnormals, below 1e-38, and never leaves them: 0.9 times the smallest one rounds to itself.
    A processor takes a hundred times as long for such a product; Adam with L2 trained six times
    slower for them. Threads inherit the flag from the one that starts them.

    On a GPU cuDNN would round float32 to TF32 in convolutions, and pick algorithms that differ from
    one time to the next.
    """
    subnormal = torch.tensor(1e-40, dtype=torch.float32)
    threads, flushed = torch.get_num_threads(), bool(subnormal * 1 == 0)
    precision, dtype = torch.get_float32_matmul_precision(), torch.get_default_dtype()
    torch.set_flush_denormal(True)
    torch.set_float32_matmul_precision("highest")  # no TF32 in products either
    torch.set_default_dtype(torch.float32)
    exact = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    begun = [torch.cuda.current_device()] if _on_gpu() else []
    try:
        with torch.random.fork_rng(devices=begun), exact:
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.set_default_dtype(dtype)
        torch.set_flush_denormal(flushed)
        torch.set_num_threads(threads)


def _on_gpu() -> bool:
    """Return whether this process has begun to use a GPU."""
    begun: bool = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return begun


class _Stopping(Exception):
    """Training was told to stop, and has kept its checkpoint."""


class Training:
    """One group on its way: the lanes, and the rows that they have given so far."""

    def __init__(
        self,
        group: LaneGroup,
        watch: Watch = lambda progress: None,
        task: TrainTask | None = None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.watch, self.task, self.stopping = watch, task, stopping
        self.started = self.kept_at = time.monotonic()
        shared, numerics = group.specs[0].config, group.specs[0].numerics
        torch.set_num_threads(numerics.threads or 1)
        self.device = torch.device(numerics.device)
        dtype = torch.float64 if numerics.dtype == "float64" else torch.float32
        self.data: DeviceData = to_device(
            shared.dataset, shared.protocol.eval.train_examples, self.device, dtype
        )
        self.step_config = StepConfig(
            model=shared.model,
            loss=shared.loss,
            optimizer=shared.optimizer,
            augmentation=shared.dataset.augmentation,
            padding_value=self.data.padding_value,
            shape=self.data.shape,
            clip=shared.protocol.grad_clip is not None,
            fused=group.fused,
            engine=numerics.engine,
            device=self.device,
            dtype=dtype,
            autocast=numerics.dtype == "bf16",
        )
        self.protocol = shared.protocol
        self.horizon = horizon(shared, len(self.data.train))
        self.runs = [Run(spec, self.horizon, len(self.data.train)) for spec in group.specs]
        self.layout = Layout(self.runs, self.device)
        self.lanes = Lanes(self.step_config, [run.seed for run in self.runs], self.data.train)
        self.width = len(self.runs)
        self.finished: list[Run] = []
        #: Steps taken in one go; how long the first ones take is not known yet.
        self.pace = 4

    def run(self) -> Done:
        """Train to the end and return all rows."""
        taken = self._resume()
        if not taken:
            self._watch_for_divergence(self._evaluate(0, None))
        for start, stop in self._segments():
            if stop <= taken or not self.runs:
                continue
            step = self._train(max(start, taken), stop)
            if step is not None:
                self._evaluate(stop, step)
                self._keep(stop)
        share = (time.monotonic() - self.started) / self.width
        # In an order that does not depend on when lanes ended.
        rows = sorted((*self.finished, *self.runs), key=lambda run: run.spec.run_id)
        about = {**software(), "hardware": hardware(self.device.type)}
        return Done(
            [run.row(share, self.lanes.parameters, about) for run in rows],
            [metrics for run in rows for metrics in run.metrics],
        )

    def _segments(self) -> list[tuple[int, int]]:
        """Return the stretches of steps between evaluations."""
        ends = evaluation_steps(self.protocol.eval, self.horizon)
        return list(pairwise(ends))

    def _keep(self, taken: int) -> None:
        """Write a checkpoint when it is time; stop there when told to.

        Called between steps, after the evaluation where there is one.
        """
        if self.task is None:
            return
        now, stopping = time.monotonic(), self.stopping()
        if stopping or now - self.kept_at >= self.task.checkpoint_every:
            self.kept_at = now
            every = [*self.finished, *self.runs]
            about = {
                "hardware": self._machine(),
                "taken": taken,
                "elapsed": now - self.started,
                "runs": [run.spec.run_id for run in every],
                "training": [run.spec.run_id for run in self.runs],
                "metrics": {run.spec.run_id: run.metrics for run in every},
                "stopped_at": {run.spec.run_id: run.stopped_at for run in every},
            }
            try:
                checkpoint.write(self.task.checkpoint, Checkpoint(about, self.lanes.whole_state()))
            except TypeError as error:  # an optimizer of the user's own
                self.kept_at = math.inf
                print(
                    f"adamcmp: no checkpoints of {self.step_config.optimizer.name}: {error} "
                    f"Where it is interrupted, its group starts over.",
                    file=sys.stderr,
                )
        if stopping:
            raise _Stopping

    def _resume(self) -> int:
        """Go on from the checkpoint, where there is one; return the steps taken by then."""
        found = self._checkpoint()
        if found is None:
            return 0
        for run in self.runs:
            run.metrics = found.about["metrics"][run.spec.run_id]
            run.stopped_at = found.about["stopped_at"][run.spec.run_id]
        place = {run.spec.run_id: lane for lane, run in enumerate(self.runs)}
        kept = found.about["training"]
        ours = [lane for lane, run_id in enumerate(kept) if run_id in place]
        training = [place[kept[lane]] for lane in ours]
        self.finished = [run for run in self.runs if run.stopped_at is not None]
        self.runs = [self.runs[lane] for lane in training]
        if training and training != list(range(len(place))):
            self.lanes.keep(training)
        if training:
            self.lanes.load(found.state, None if len(ours) == len(kept) else ours)
        self.started -= found.about["elapsed"]
        return int(found.about["taken"])

    def _checkpoint(self) -> Checkpoint | None:
        """Return the checkpoint to go on from: the group's own, or one of more runs than these."""
        paths = [self.task.checkpoint, self.task.source] if self.task else []
        for path in paths:
            found = checkpoint.read(path) if path else None
            if found is None or found.about["hardware"] != self._machine():
                continue  # another kind of processor computes other bits
            if {run.spec.run_id for run in self.runs} <= set(found.about["runs"]):
                return found
        return None

    def _machine(self) -> str:
        """Return what decides the bits: a processor's name does not tell all that it can do."""
        name = hardware(self.device.type)
        return name if self.device.type == "cuda" else f"{name}: {cpu_features()}"

    def _watch_for_divergence(self, first: list[dict[str, float]]) -> None:
        initial = [row["train_loss"] for row in first]
        factor = [run.spec.config.protocol.divergence for run in self.runs]
        bounds = [max(loss, 1e-12) * f for loss, f in zip(initial, factor, strict=True)]
        self.lanes.state["bound"].copy_(torch.tensor(bounds, dtype=torch.float64))

    def _train(self, start: int, stop: int) -> Step | None:
        """Take steps `start` to `stop`; return the last one, or None when no lane got there."""
        last = None
        while start < stop:
            began, end = time.monotonic(), min(start + self.pace, stop)
            last = self.lanes.steps(self.stretch(start), end - start)
            self.watch(TrainingProgress(end, self.horizon.steps, len(self.runs)))
            if end < stop:
                self._leave(self.lanes.state["stopped"].tolist())
                if not self.runs:
                    return None
                self._keep(end)
            step = (time.monotonic() - began) / (end - start)
            self.pace = max(min(int(LOOK_EVERY / step), STRIDE), 1)
            start = end
        return last

    def stretch(self, begin: int) -> StepChunk:
        """Lay out steps from `begin` on."""
        return self.layout.stretch(self.runs, begin)

    def _evaluate(self, taken: int, step: Step | None) -> list[dict[str, float]]:
        """Measure all lanes after `taken` steps; diverged ones end here and leave the batch."""
        measured = evaluate(self.lanes, self.data)
        norms = [{"param_norm": norm} for norm in self.lanes.param_norm().tolist()]
        if step is not None:
            for name in ("grad_norm", "update_norm"):
                values_M: Tensor = getattr(step, f"{name}_M")
                for row, value in zip(norms, values_M.tolist(), strict=True):
                    row[name] = value
        stops = self._stops(taken, measured) if taken else [-1] * len(measured)
        share = (time.monotonic() - self.started) / self.width
        for run, stopped, row, norm in zip(self.runs, stops, measured, norms, strict=True):
            if stopped < 0:
                run.record(taken, row | norm, share)
        self._leave(stops)
        self.watch(TrainingProgress(taken, self.horizon.steps, len(self.runs), measured[0]))
        return measured

    def _stops(self, taken: int, measured: list[dict[str, float]]) -> list[int]:
        """Return the steps after which lanes diverged, -1 for those that did not."""
        bounds, stops = (self.lanes.state[name].tolist() for name in ("bound", "stopped"))
        # The last step may diverge unseen: its loss is of the weights before it.
        return [
            taken if stop < 0 and not row["train_loss"] <= bound else stop
            for stop, row, bound in zip(stops, measured, bounds, strict=True)
        ]

    def _leave(self, stops: list[int]) -> None:
        """Let lanes that diverged leave the batch; the others do not notice."""
        for run, stop in zip(self.runs, stops, strict=True):
            run.stopped_at = stop if stop >= 0 else None
        stay = [lane for lane, run in enumerate(self.runs) if run.stopped_at is None]
        if len(stay) == len(self.runs):
            return
        self.finished += [run for run in self.runs if run.stopped_at is not None]
        self.runs = [self.runs[lane] for lane in stay]
        if stay:
            self.lanes.keep(stay)
