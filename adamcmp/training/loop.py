"""Training a group from its specs to its outcome."""

from __future__ import annotations

import contextlib
import math
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamcmp import schema
from adamcmp.config import RunConfig
from adamcmp.errors import AdamcmpError, ConfigError
from adamcmp.grouping import LaneGroup, Survey, Task
from adamcmp.optimizers.torch import Torch
from adamcmp.plan import RunSpec
from adamcmp.provenance import hardware, software
from adamcmp.schedules import Horizon
from adamcmp.training import checkpoint
from adamcmp.training.checkpoint import Checkpoint
from adamcmp.training.device_data import BatchOrder, DeviceData, load, to_device
from adamcmp.training.evaluate import evaluate
from adamcmp.training.lanes import Lanes, Recipe, Step, Stretch
from adamcmp.types import Data, Done, Failed, Outcome, Stopped

#: Steps whose batches and schedules are laid out in one go.
STRIDE = 64


@dataclass(frozen=True)
class Progress:
    """Where a group is: what a progress bar shows.

    Attributes:
        step: Steps taken.
        steps: Steps in all.
        lanes: Lanes still training.
        latest: The first lane's latest evaluation, or None between evaluations.
    """

    step: int
    steps: int
    lanes: int
    latest: dict[str, float] | None = None


Watch = Callable[[Progress], None]


def train(task: Task, report: Watch, stopping: Callable[[], bool]) -> Outcome:
    """Train a task's group, from its checkpoint where it has one; what executors call.

    Args:
        task: The group.
        report: Called with `Progress` as training goes on.
        stopping: Once it is true, training ends at its checkpoint.

    Raises:
        AdamcmpError: As `train_group`.
    """
    return train_group(task.group, report, task, stopping)


def train_group(
    group: LaneGroup,
    watch: Watch = lambda progress: None,
    task: Task | None = None,
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
    with _global_state_restored():
        try:
            return _Training(group, watch, task, stopping).run()
        except AdamcmpError:
            raise
        except _Stopping:
            return Stopped()
        except Exception as error:  # a crash (out of memory, the user's own model) is data
            return Failed(
                f"{type(error).__name__}: {error}",
                tuple(spec.run_id for spec in group.specs),
                traceback.format_exc(),
            )


@contextlib.contextmanager
def _global_state_restored() -> Iterator[None]:
    """Leave torch's global generator and number of threads to the caller as they were."""
    threads = torch.get_num_threads()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(threads)


def survey(kind: tuple[str, LaneGroup], report: Watch, stopping: Callable[[], bool]) -> Survey:
    """Check a kind of group and tell how long its runs are; what executors call.

    Raises:
        AdamcmpError: As `check_group`.
    """
    _, group = kind
    config, cuda = group.specs[0].config, torch.cuda.is_available()
    if group.specs[0].numerics.device == "cuda" and not cuda:
        raise ConfigError("device=cuda: torch finds no CUDA GPU here. Use device=cpu.")
    check_group(group)
    return Survey(horizon(config, len(load(config.dataset).train)).steps, cuda)


def check_group(group: LaneGroup) -> None:
    """Check that a group can be trained: its data load, its model fits them.

    Raises:
        AdamcmpError: When not; nothing has been written by then.
    """
    config = group.specs[0].config
    data = load(config.dataset)
    if config.protocol.batch_size > len(data.train):
        raise ConfigError(
            f"batch_size={config.protocol.batch_size}: {config.dataset.name} trains on "
            f"{len(data.train)} examples."
        )
    examined = config.protocol.eval.train_examples
    if examined is not None and examined > len(data.train):
        raise ConfigError(
            f"eval.train_examples={examined}: {config.dataset.name} trains on "
            f"{len(data.train)} examples."
        )
    with _global_state_restored():
        network = config.model.build(data.shape)
        _check_network(network, config, data)
    if isinstance(config.optimizer, Torch):
        config.optimizer.make(list(network.parameters()))


def _check_network(network: torch.nn.Module, config: RunConfig, data: Data) -> None:
    """Show a network two examples: a model of the user's own may not fit them."""
    if not any(p.requires_grad for p in network.parameters()):
        raise ConfigError(f"model={config.model.name} has no parameters to train.")
    x = torch.as_tensor(data.train.x[:2]).float()
    try:
        with torch.no_grad():
            outputs = network(x)
    except Exception as error:
        reason = (str(error) or "no reason given").splitlines()[0]
        raise ConfigError(
            f"model={config.model.name} fails on examples of shape {tuple(data.shape.inputs)} "
            f"({type(error).__name__}: {reason})."
        ) from error
    wanted = (len(x), data.shape.outputs)
    found = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if found != wanted:
        raise ConfigError(
            f"model={config.model.name}: its outputs for {len(x)} examples should have shape "
            f"{wanted}, not {found}."
        )


class _Stopping(Exception):
    """Training was told to stop, and has kept its checkpoint."""


class _Training:
    """One group on its way: the lanes, and the rows that they have given so far."""

    def __init__(
        self,
        group: LaneGroup,
        watch: Watch,
        task: Task | None = None,
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
        self.recipe = Recipe(
            model=shared.model,
            loss=shared.loss,
            optimizer=shared.optimizer,
            augmentation=shared.dataset.augmentation,
            black=self.data.black,
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
        seeds = [spec.config.protocol.seed for spec in group.specs]
        self.lanes = Lanes(self.recipe, seeds, self.data.train)
        self.runs = [_Run(spec, self.horizon, len(self.data.train)) for spec in group.specs]
        self.width = len(self.runs)
        self.finished: list[_Run] = []

    def run(self) -> Done:
        """Train to the end and return all rows."""
        taken = self._resume()
        if not taken:
            self._watch_for_divergence(self._evaluate(0, None))
        for start, stop in self._segments():
            if stop <= taken or not self.runs:
                continue
            step = self._train(max(start, taken), stop)
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
                "taken": taken,
                "elapsed": now - self.started,
                "runs": [run.spec.run_id for run in every],
                "training": [run.spec.run_id for run in self.runs],
                "metrics": {run.spec.run_id: run.metrics for run in every},
                "stopped_at": {run.spec.run_id: run.stopped_at for run in every},
            }
            try:
                checkpoint.write(self.task.checkpoint, Checkpoint(about, self.lanes.whole_state()))
            except TypeError:  # an optimizer of the user's own that cannot be kept starts over
                self.kept_at = math.inf
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
            if found and {run.spec.run_id for run in self.runs} <= set(found.about["runs"]):
                return found
        return None

    def _watch_for_divergence(self, first: list[dict[str, float]]) -> None:
        initial = [row["train_loss"] for row in first]
        factor = [run.spec.config.protocol.divergence for run in self.runs]
        bounds = [max(loss, 1e-12) * f for loss, f in zip(initial, factor, strict=True)]
        self.lanes.state["bound"].copy_(torch.tensor(bounds, dtype=torch.float64))

    def _train(self, start: int, stop: int) -> Step:
        """Take steps `start` to `stop`; return the last one."""
        last = None
        for begin in range(start, stop, STRIDE):
            end = min(begin + STRIDE, stop)
            last = self.lanes.steps(self._stretch(begin), end - begin)
            self.watch(Progress(end, self.horizon.steps, len(self.runs)))
            if end < stop:
                self._keep(end)
        assert last is not None, "a segment has at least one step"
        return last

    def _stretch(self, begin: int) -> Stretch:
        """Lay out `STRIDE` steps from `begin` on; those beyond the end are never taken."""
        end = begin + STRIDE
        index_MKB = torch.stack([run.batches.batches(begin, end) for run in self.runs])
        columns = [run.hypers(begin, end) for run in self.runs]
        names = tuple(columns[0])
        hypers_HKM = np.stack([[c[name] for c in columns] for name in names]).transpose(0, 2, 1)
        steps_KM = np.broadcast_to(np.arange(begin + 1.0, end + 1)[:, None], hypers_HKM.shape[1:])
        hypers_HKM = np.concatenate([hypers_HKM, steps_KM[None]])
        return Stretch(
            index_MKB.to(self.device),
            (*names, "step"),
            torch.as_tensor(np.ascontiguousarray(hypers_HKM)).to(self.device),
        )

    def _evaluate(self, taken: int, step: Step | None) -> list[dict[str, float]]:
        """Measure all lanes after `taken` steps; diverged ones end here and leave the batch."""
        measured = evaluate(self.lanes, self.data)
        norms = [{"param_norm": norm} for norm in self.lanes.param_norm().tolist()]
        if step is not None:
            for name in ("grad_norm", "update_norm"):
                values_M: Tensor = getattr(step, f"{name}_M")
                for row, value in zip(norms, values_M.tolist(), strict=True):
                    row[name] = value
            self._drop_diverged(taken, measured)
        share = (time.monotonic() - self.started) / self.width
        for lane, run in enumerate(self.runs):
            if run.stopped_at is None:
                run.record(taken, measured[lane] | norms[lane], share)
        self._leave()
        self.watch(Progress(taken, self.horizon.steps, len(self.runs), measured[0]))
        return measured

    def _drop_diverged(self, taken: int, measured: list[dict[str, float]]) -> None:
        bounds, stops = (self.lanes.state[name].tolist() for name in ("bound", "stopped"))
        for lane, (run, stopped) in enumerate(zip(self.runs, stops, strict=True)):
            # The last step of a stretch may diverge unseen: its loss is of the step before.
            if stopped < 0 and not measured[lane]["train_loss"] <= bounds[lane]:
                stopped = taken
            if stopped >= 0:
                run.stopped_at = stopped

    def _leave(self) -> None:
        stay = [lane for lane, run in enumerate(self.runs) if run.stopped_at is None]
        if len(stay) == len(self.runs):
            return
        self.finished += [run for run in self.runs if run.stopped_at is not None]
        self.runs = [self.runs[lane] for lane in stay]
        if stay:
            self.lanes.keep(stay)


class _Run:
    """One lane's own: its spec, batches, hyperparameters and rows."""

    def __init__(self, spec: RunSpec, horizon: Horizon, train_examples: int) -> None:
        protocol = spec.config.protocol
        self.spec, self.horizon, self.train_examples = spec, horizon, train_examples
        self.batches = BatchOrder(protocol.seed, train_examples, protocol.batch_size)
        self.constants = constants(spec.config, horizon)
        self.metrics: list[dict[str, Any]] = []
        self.stopped_at: int | None = None

    def hypers(self, begin: int, end: int) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Return each hyperparameter's value at steps `begin` to `end` − 1, counted from 0."""
        schedule = self.spec.config.schedule
        steps = np.arange(begin, end).clip(max=self.horizon.steps - 1)
        values = {name: np.full(len(steps), value) for name, value in self.constants.items()}
        values["multiplier"] = schedule.multiplier(steps, self.horizon)
        momentum = schedule.momentum(steps, self.horizon)
        optimizer = self.spec.config.optimizer
        moved = optimizer.momentum_hyper
        # An optimizer without momentum keeps none; what a torch class has, only it knows.
        if momentum is not None and self.constants.get(moved, isinstance(optimizer, Torch)):
            values[moved] = momentum
        return values

    def record(self, taken: int, measured: dict[str, float], wall_time: float) -> None:
        """Add the row of one evaluation."""
        schedule, protocol = self.spec.config.schedule, self.spec.config.protocol
        at = np.array([min(taken, self.horizon.steps - 1)])
        self.metrics.append(
            {
                "run_id": self.spec.run_id,
                "step": taken,
                "epoch": taken / self.horizon.epoch,
                "examples": taken * protocol.batch_size,
                "lr": float(schedule.multiplier(at, self.horizon)[0] * self.constants["lr"]),
                **measured,
                "wall_time_s": wall_time,
            }
        )

    def row(self, wall_time: float, parameters: int, about: dict[str, Any]) -> dict[str, Any]:
        """Return the run's own row."""
        diverged = self.stopped_at is not None
        last = {} if diverged else self.metrics[-1]
        best = self._best()
        return {
            **self.spec.columns(),
            **about,
            "status": "diverged" if diverged else "done",
            "stopped_at_step": self.stopped_at,
            "steps": self.horizon.steps,
            "best_step": best.get("step"),
            "train_examples": self.train_examples,
            "parameters": parameters,
            "wall_time_s": wall_time,
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            **{name: last.get(name) for name in schema.METRICS},
            **{f"best_{name}": best.get(name) for name in schema.METRICS},
        }

    def _best(self) -> dict[str, Any]:
        """Return the evaluation with the best validation metric; nothing without validation."""
        measure = "val_error" if any("val_error" in row for row in self.metrics) else "val_loss"
        rows = [row for row in self.metrics if math.isfinite(row.get(measure, math.nan))]
        return min(rows, key=lambda row: (row[measure], row["val_loss"]), default={})


def horizon(config: RunConfig, train_examples: int) -> Horizon:
    """Return how many steps a run takes, and how many make an epoch."""
    protocol = config.protocol
    epoch = train_examples / protocol.batch_size
    return Horizon(protocol.steps or math.ceil(protocol.epochs * epoch), epoch)


def constants(config: RunConfig, horizon: Horizon) -> dict[str, float]:
    """Return the run's hyperparameters that no schedule moves."""
    values = config.optimizer.hypers(horizon.steps)
    if config.protocol.grad_clip is not None:
        values["grad_clip"] = config.protocol.grad_clip
    return values


def evaluation_steps(when: Any, horizon: Horizon) -> list[int]:
    """Return the steps after which lanes are measured: 0, each interval, and the end."""
    interval = max(when.every_steps or when.every * horizon.epoch, 1)
    count = math.ceil(horizon.steps / interval)
    between = {max(round(i * interval), 1) for i in range(1, count)}
    return sorted({0, horizon.steps, *(s for s in between if s < horizon.steps)})
