"""The training loop of a group: steps, evaluations, divergence and checkpoints."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import pairwise

import torch

from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.horizon import evaluation_steps, horizon
from adamcmp.platform.provenance import hardware, software
from adamcmp.storage.checkpoints import Checkpointing
from adamcmp.training.device_data import to_device
from adamcmp.training.evaluate import evaluate
from adamcmp.training.outcome import Done, TrainingProgress
from adamcmp.training.resume import GroupCheckpoints
from adamcmp.training.run_record import RunRecord
from adamcmp.training.step.chunks import CHUNK_STEPS, ChunkBuilder, StepChunk
from adamcmp.training.step.config import group_step_config
from adamcmp.training.step.lanes import Lanes, StepResult

#: Seconds between two checks whether to stop or to save a checkpoint.
CHECK_SECONDS = 2.0
#: Steps of the first call, before the time of a step is known.
FIRST_STEPS = 4
#: Lower limit of the initial training loss from which the divergence bound is computed.
MIN_INITIAL_LOSS = 1e-12

TrainingProgressCallback = Callable[[TrainingProgress], None]


class StopRequested(Exception):
    """Training has stopped early on request, after saving its checkpoint."""


class GroupTraining:
    """The training of one group.

    Args:
        group: The runs.
        report: Called with the progress of training.
        checkpointing: Names the checkpoints; None disables them.
        should_stop: Once it returns true, training saves its checkpoint and raises `StopRequested`.

    Attributes:
        lanes: The runs' state.
        data: The dataset on the device.
        runs: The runs still training, in the order of the lanes.
        width: Number of runs at the start.
    """

    def __init__(
        self,
        group: LaneGroup,
        report: TrainingProgressCallback = lambda progress: None,
        checkpointing: Checkpointing | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.report, self._should_stop = report, should_stop
        self._started = time.monotonic()
        config, numerics = group.specs[0].config, group.specs[0].numerics
        torch.set_num_threads(numerics.threads or 1)
        device = torch.device(numerics.device)
        dtype = torch.float64 if numerics.dtype == "float64" else torch.float32
        train_examples = config.protocol.eval.train_examples
        self.data = to_device(config.run_dataset, train_examples, device, dtype)
        step_config = group_step_config(group, self.data, device, dtype)
        self._horizon = horizon(config, len(self.data.train))
        self._evaluation_steps = evaluation_steps(config.protocol.eval, self._horizon)
        examples = len(self.data.train)
        self.runs = [RunRecord(spec, self._horizon, examples) for spec in group.specs]
        self.width = len(self.runs)
        self._finished: list[RunRecord] = []
        self._chunks = ChunkBuilder(self.runs, device)
        self.lanes = Lanes(step_config, [run.seed for run in self.runs], self.data.train)
        self._checkpoints = GroupCheckpoints(checkpointing, device)
        self._can_save = self._checkpoints.enabled
        self._steps_per_call = FIRST_STEPS

    def run(self) -> Done:
        """Train to the end and return the rows of all runs.

        Raises:
            StopRequested: If `should_stop` returns true.
        """
        taken = self._resume()
        if not taken:
            self._set_bounds(self._evaluate(0, None))
        for start, stop in pairwise(self._evaluation_steps):
            if stop <= taken or not self.runs:
                continue
            result = self._train(max(start, taken), stop)
            if result is not None:
                self._evaluate(stop, result)
                if stop < self._horizon.steps:  # a checkpoint has no outcomes of examples
                    self._save_checkpoint(stop)
        return self._rows()

    def chunk(self, begin: int) -> StepChunk:
        """Return the chunk of the runs still training after `begin` steps."""
        return self._chunks.build(self.runs, begin)

    def _rows(self) -> Done:
        group_columns = {
            **software(),
            "hardware": hardware(self.lanes.step_config.device.type),
            "parameters": self.lanes.parameter_count,
            "test_examples": len(self.data.evaluated.get("test", ())),
        }
        # Sorted, so that their order does not depend on when lanes diverged.
        runs = sorted((*self._finished, *self.runs), key=lambda run: run.run_id)
        share = self._share()
        return Done(
            [run.row(share, group_columns) for run in runs],
            [metrics for run in runs for metrics in run.metrics],
            [outcomes for run in runs for outcomes in run.outcomes],
        )

    def _share(self) -> float:
        """Return one run's share of the training time in seconds."""
        return (time.monotonic() - self._started) / self.width

    # ------------------------------------------------------------------------------------ steps

    def _train(self, start: int, stop: int) -> StepResult | None:
        """Take steps `start` to `stop`; return the last result, None if all lanes diverged."""
        result = None
        while start < stop:
            began, end = time.monotonic(), min(start + self._steps_per_call, stop)
            result = self.lanes.steps(self.chunk(start), end - start)
            self._report(end)
            if end < stop:
                self._remove_diverged(self.lanes.state["stopped"].tolist())
                if not self.runs:
                    return None
                self._save_checkpoint(end)
            seconds = (time.monotonic() - began) / (end - start)
            self._steps_per_call = max(min(int(CHECK_SECONDS / seconds), CHUNK_STEPS), 1)
            start = end
        return result

    def _report(self, taken: int, latest: dict[str, float] | None = None) -> None:
        self.report(TrainingProgress(taken, self._horizon.steps, len(self.runs), latest))

    # ------------------------------------------------------------------- evaluation, divergence

    def _evaluate(self, taken: int, result: StepResult | None) -> list[dict[str, float]]:
        """Measure all lanes after `taken` steps, record their rows and remove diverged lanes."""
        last = taken == self._horizon.steps
        keep = last and any(run.keeps_outcomes for run in self.runs)
        evaluation = evaluate(self.lanes, self.data, keep_outcomes=keep)
        measured = evaluation.metrics
        norms = [{"param_norm": norm} for norm in self.lanes.param_norm().tolist()]
        if result is not None:
            step_norms = {"grad_norm": result.grad_norm_M, "update_norm": result.update_norm_M}
            for name, values_M in step_norms.items():
                for row, value in zip(norms, values_M.tolist(), strict=True):
                    row[name] = value
        stops = self._diverged_after(taken, measured) if taken else [-1] * len(measured)
        share = self._share()
        by_run = zip(self.runs, stops, measured, norms, evaluation.outcomes, strict=True)
        for run, stopped_at, row, norm, outcomes in by_run:
            if stopped_at < 0:
                run.record(taken, row | norm, share)
                run.record_outcomes(outcomes)
        self._remove_diverged(stops)
        self._report(taken, measured[0])
        return measured

    def _set_bounds(self, initial: list[dict[str, float]]) -> None:
        """Set the training loss above which each lane has diverged, from its initial loss."""
        losses = [max(row["train_loss"], MIN_INITIAL_LOSS) for row in initial]
        factors = [run.spec.config.protocol.divergence for run in self.runs]
        bounds = [loss * factor for loss, factor in zip(losses, factors, strict=True)]
        self.lanes.state["bound"].copy_(torch.tensor(bounds, dtype=torch.float64))

    def _diverged_after(self, taken: int, measured: list[dict[str, float]]) -> list[int]:
        """Return the number of steps after which each lane diverged, -1 if it has not."""
        bounds, stops = (self.lanes.state[name].tolist() for name in ("bound", "stopped"))
        # The steps check the loss before each update, so the last update is checked here.
        return [
            taken if stop < 0 and not row["train_loss"] <= bound else stop
            for stop, row, bound in zip(stops, measured, bounds, strict=True)
        ]

    def _remove_diverged(self, stops: list[int]) -> None:
        """Remove diverged lanes; the results of the other lanes do not change.

        Args:
            stops: The number of steps after which each lane diverged, -1 if it has not.
        """
        for run, stop in zip(self.runs, stops, strict=True):
            run.stopped_at = stop if stop >= 0 else None
        remaining = [lane for lane, run in enumerate(self.runs) if run.stopped_at is None]
        if len(remaining) == len(self.runs):
            return
        self._finished += [run for run in self.runs if run.stopped_at is not None]
        self.runs = [self.runs[lane] for lane in remaining]
        if remaining:
            self.lanes.select(remaining)

    # ------------------------------------------------------------------------------- checkpoints

    def _save_checkpoint(self, taken: int) -> None:
        """Save a checkpoint if one is due, or if training has to stop.

        Called between steps, after the evaluation if there is one.

        Raises:
            StopRequested: If `should_stop` returns true.
        """
        if not self._checkpoints.enabled:
            return
        stop = self._should_stop()
        if self._can_save and (stop or self._checkpoints.due):
            elapsed = time.monotonic() - self._started
            state = self.lanes.state_dict()
            try:
                self._checkpoints.save(self.runs, self._finished, state, taken, elapsed)
            except TypeError as error:  # the state of a user's torch.optim class
                self._can_save = False
                optimizer = self.lanes.step_config.optimizer.name
                print(
                    f"adamcmp: optimizer {optimizer} cannot be saved in a checkpoint: {error} "
                    f"If its training is interrupted, it starts from the beginning.",
                    file=sys.stderr,
                )
        if stop:
            raise StopRequested

    def _resume(self) -> int:
        """Restore the state of an existing checkpoint; return the number of steps taken."""
        existing = self._checkpoints.find(self.runs)
        if existing is None:
            return 0
        metadata = existing.metadata
        for run in self.runs:
            run.metrics = metadata["metrics"][run.run_id]
            run.stopped_at = metadata["stopped_at"][run.run_id]
        lane_of = {run.run_id: lane for lane, run in enumerate(self.runs)}
        saved = metadata["training"]
        # The checkpoint may hold more runs than this group, in another order.
        positions = [position for position, run_id in enumerate(saved) if run_id in lane_of]
        training = [lane_of[saved[position]] for position in positions]
        self._finished = [run for run in self.runs if run.stopped_at is not None]
        self.runs = [self.runs[lane] for lane in training]
        if training and training != list(range(len(lane_of))):
            self.lanes.select(training)
        if training:
            same_group = len(positions) == len(saved)
            self.lanes.load_state_dict(existing.state, None if same_group else positions)
        # Wall times include the time before the interruption.
        self._started -= metadata["elapsed"]
        return int(metadata["steps_taken"])
