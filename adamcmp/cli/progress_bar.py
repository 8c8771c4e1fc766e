"""The progress of training on stderr: a bar on a terminal, otherwise a line at intervals."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from adamcmp.cli.dry_run import estimate, plan_table
from adamcmp.execution.observer import Observer
from adamcmp.execution.progress import SweepProgress
from adamcmp.training.outcome import Done

if TYPE_CHECKING:
    from tqdm import tqdm

    from adamcmp.planning.grouping import LaneGroup
    from adamcmp.planning.plan import Plan
    from adamcmp.training.outcome import Outcome, TrainingProgress

#: Seconds between two lines if stderr is not a terminal.
LINE_INTERVAL = 30.0
#: Minimum seconds between two updates of the bar.
DRAW_INTERVAL = 0.1
#: Length of a line if stderr is not a terminal.
LINE_LENGTH = 200


class Bar:
    """The progress of one command: of a single run, or of the runs of a sweep or search.

    A single run shows its loss and generalization gap; several runs show their number, the speed,
    and each optimizer's best validation metric.

    Args:
        combinations: Number of requested runs, including duplicates.
        quiet: Print nothing.
        show_plan: Print the table of the runs to train.
        batches: Whether the runs are planned and trained batch by batch, as in a search.

    Attributes:
        requested: Number of different runs.
        progress: The progress of the runs to train.
    """

    def __init__(
        self,
        combinations: int,
        quiet: bool = False,
        show_plan: bool = False,
        batches: bool = False,
    ) -> None:
        self.combinations, self.quiet, self.show_plan = combinations, quiet, show_plan
        self.batches = batches
        self.requested = 0
        self.progress = SweepProgress(combinations)
        self._bar: tqdm[Any] | None = None
        self._counts: Counter[str] = Counter()
        self._notices: set[str] = set()
        self._best: dict[str, float] = {}
        self._metric = ""
        self._latest: dict[str, float] | None = None
        self._drawn = self._printed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the bar from the terminal."""
        if self._bar is not None:
            self._bar.close()

    def observer(self) -> Observer:
        """Return an observer that updates the bar."""
        return Observer(self.on_planned, self.on_notice, self.on_progress, self.on_finished)

    def on_planned(self, plan: Plan, groups: tuple[LaneGroup, ...]) -> None:
        """Print what will be trained and open the bar; of a search, only at its first batch."""
        pending = sum(len(group.specs) for group in groups)
        if self.batches:
            self.requested = self.combinations
            # The number of runs starts at that of the whole search. The runs that need no training
            # are known only batch by batch.
            self.progress.runs -= len(plan.specs) - pending
        else:
            self.requested, self.progress = len(plan.specs), SweepProgress(pending)
            self._print_duplicates()
        if not groups or self.quiet or self._bar is not None:
            return
        if self.requested > 1:
            self._print_plan(plan, groups, pending)
        self.open()

    def on_notice(self, text: str) -> None:
        """Print a notice; the batches of a search repeat it."""
        if text not in self._notices:
            self._notices.add(text)
            self._print(f"adamcmp: {text}")

    def on_progress(self, group: LaneGroup, progress: TrainingProgress) -> None:
        """Move the bar."""
        if self._bar is None:
            return
        self.progress.update(group, progress)
        if self.requested == 1 and progress.latest:
            self._latest = progress.latest
        if time.monotonic() - self._drawn >= DRAW_INTERVAL:
            self._draw()

    def on_finished(self, group: LaneGroup, outcome: Outcome) -> None:
        """Count the runs of a group as done, diverged or failed."""
        self.progress.finish(group, outcome)
        if isinstance(outcome, Done):
            for row in outcome.runs:
                self._counts[row["status"]] += 1
                # Runs of a regression have no errors.
                default = "loss" if row.get("val_error") is None else "error"
                self._metric = f"val_{row.get('select') or default}"
                value = row.get(self._metric)
                if value is not None and math.isfinite(value):
                    previous = self._best.get(row["optimizer"], math.inf)
                    self._best[row["optimizer"]] = min(previous, value)
        else:
            self._counts["failed"] += len(group.specs)
        all_done = self.progress.done == self.progress.runs
        if time.monotonic() - self._drawn >= DRAW_INTERVAL or all_done:
            self._draw()

    def open(self) -> None:
        """Show the bar."""
        from tqdm import tqdm

        self._printed = time.monotonic()
        self._bar = tqdm(
            total=self.progress.runs,
            file=sys.stderr,
            disable=None,  # if stderr is not a terminal
            dynamic_ncols=True,
            leave=False,
            bar_format="{percentage:3.0f}%|{bar:10}| {desc}",
        )
        self._draw()

    def _print_duplicates(self) -> None:
        duplicates = self.combinations - self.requested
        if duplicates > 0:
            self._print(
                f"{duplicates} of {self.combinations} combinations are the same run as another "
                f"one (an optimizer without weight decay, or two names for the same settings)"
            )

    def _print_plan(self, plan: Plan, groups: tuple[LaneGroup, ...], pending: int) -> None:
        if self.show_plan:
            self._print(plan_table(groups, plan.costs))
        seconds = plan.costs.total_seconds(groups)
        if seconds is not None:  # assume that a search's later batches are like its first
            seconds *= self.progress.runs / pending
        others = self.requested - self.progress.runs
        existing = f", {others} of them already exist or are being trained" if others else ""
        batches = ", batch by batch" * self.batches
        self._print(f"{self.requested} runs{existing}{batches}, {estimate(seconds)}")

    def _draw(self) -> None:
        """Update the bar; if stderr is not a terminal, print a line at intervals."""
        if self._bar is None:
            return
        self._drawn = time.monotonic()
        if not self._bar.disable:
            self._bar.n, self._bar.total = self.progress.position, self.progress.runs
            self._bar.set_description_str(self._description(), refresh=False)
            self._bar.refresh()
        elif self._drawn - self._printed >= LINE_INTERVAL:
            self._printed = self._drawn
            self._print(self._description())

    def _description(self) -> str:
        """Return the text beside the bar; what does not fit is cut, the least important first."""
        from tqdm import tqdm

        left = self.progress.seconds_left
        remaining = "" if left is None else f", {tqdm.format_interval(round(left))} left"
        if self.requested == 1:
            metrics = [f"{name} {value:.3f}" for name, value in self._latest_metrics().items()]
            return ", ".join([f"{self.progress.position:.0%}{remaining}", *metrics])
        shown = [f"{self.progress.done}/{self.progress.runs} runs{remaining}"]
        if (speed := self.progress.speed) is not None:
            shown.append(f"{speed:,.0f} run-steps/s")
        shown += [f"{self._counts[s]} {s}" for s in ("failed", "diverged") if self._counts[s]]
        best = sorted(self._best.items(), key=lambda pair: pair[1])
        values = [f"{name} {value:.3f}" for name, value in best]
        shown += [f"best {self._metric}: {text}" for text in values[:1]] + values[1:]
        while len(line := ", ".join(shown)) > self._columns and len(shown) > 1:
            shown.pop()
        return line

    @property
    def _columns(self) -> int:
        """Number of characters that fit beside the bar."""
        columns = self._bar.format_dict["ncols"] if self._bar and not self._bar.disable else None
        return int(columns or LINE_LENGTH) - len("100%|          | ") - 1

    def _latest_metrics(self) -> dict[str, float]:
        """Return the metrics of a single run's latest evaluation."""
        if self._latest is None:
            return {}
        shown = {"loss": self._latest["train_loss"]}
        if "val_accuracy" in self._latest or "test_accuracy" in self._latest:
            shown["acc"] = self._latest.get("val_accuracy", self._latest["test_accuracy"])
        return {**shown, "gap": self._latest["gap_loss"]}

    def _print(self, line: str) -> None:
        if self.quiet:
            return
        try:
            print(line, file=sys.stderr)
        except OSError:  # stderr was closed; training continues
            self.quiet = True
