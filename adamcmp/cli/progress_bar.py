"""How far ``run`` and ``sweep`` are, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from adamcmp.cli.dry_run import about, table
from adamcmp.execution.progress import SweepProgress
from adamcmp.training.outcome import Done

if TYPE_CHECKING:
    from tqdm import tqdm

    from adamcmp.planning.grouping import LaneGroup
    from adamcmp.planning.plan import Plan
    from adamcmp.training.outcome import Outcome, TrainingProgress

#: Seconds between two lines where there is no terminal.
LINE_EVERY = 30.0
#: Seconds between two pictures of the bar, however many messages come.
DRAW_EVERY = 0.1


class Bar:
    """The progress of one command: one run's loss and gap, or a sweep's or search's runs.

    Args:
        combinations: Points of the grid, or of the whole search, some of which may be the same
            run.
        quiet: Show nothing.
        whole_plan: Show the table of what is to be trained.
        batches: Whether they are planned, and trained, a batch at a time.
    """

    def __init__(
        self,
        combinations: int,
        quiet: bool = False,
        whole_plan: bool = False,
        batches: bool = False,
    ) -> None:
        self.combinations, self.quiet, self.whole_plan = combinations, quiet, whole_plan
        self.batches = batches
        self.bar: tqdm[Any] | None = None
        self.asked = 0
        self.counts: Counter[str] = Counter()
        self.best: dict[str, float] = {}
        self.pace = SweepProgress(combinations)
        self._latest: dict[str, float] | None = None
        self._drawn = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Take the bar off the terminal."""
        if self.bar is not None:
            self.bar.close()

    def planned(self, plan: Plan, groups: tuple[LaneGroup, ...]) -> None:
        """Open the bar over a run's steps, or over a sweep's runs; or go on with a search's."""
        runs = sum(len(group.specs) for group in groups)
        if self.batches:
            self.asked = self.combinations
            self.pace.runs -= len(plan.specs) - runs
        else:
            self.asked, self.pace = len(plan.specs), SweepProgress(runs)
            self._say_same()
        if not groups or self.quiet or self.bar is not None:
            return
        if self.asked > 1:
            if self.whole_plan:
                self._say(table(groups, plan.costs))
            seconds = plan.costs.total_seconds(groups)
            if seconds is not None:  # a search's later batches are taken to be like its first
                seconds *= self.pace.runs / runs
            groups_of_lanes = f"{len(groups)} group{'s' * (len(groups) > 1)} of lanes"
            way = "batch by batch" if self.batches else groups_of_lanes
            there = self.asked - self.pace.runs
            already = f", {there} there already or elsewhere" if there else ""
            self._say(f"{self.asked} runs{already}, {way}, {about(seconds)}")
        self._open()

    def _say_same(self) -> None:
        if self.combinations > self.asked:
            same = self.combinations - self.asked
            self._say(
                f"{same} of {self.combinations} combinations are the same run as another (an "
                f"optimizer without decay, or a label for the same numbers)"
            )

    def _open(self) -> None:
        from tqdm import tqdm

        self._said = time.monotonic()
        self.bar = tqdm(
            total=self.pace.runs,
            file=sys.stderr,
            disable=None,  # where there is no terminal
            dynamic_ncols=True,
            leave=False,
            bar_format="{percentage:3.0f}%|{bar:10}| {desc}",
        )
        self._draw()

    def notice(self, text: str) -> None:
        """Say what a person should know."""
        self._say(f"adamcmp: {text}")

    def progress(self, group: LaneGroup, progress: TrainingProgress) -> None:
        """Move the bar, some times a second."""
        if self.bar is None:
            return
        self.pace.update(group, progress)
        if self.asked == 1 and progress.latest:
            self._latest = progress.latest
        if time.monotonic() - self._drawn >= DRAW_EVERY:
            self._draw()

    def finished(self, group: LaneGroup, outcome: Outcome) -> None:
        """Count a group's runs as done."""
        self.pace.finish(group, outcome)
        if isinstance(outcome, Done):
            for row in outcome.runs:
                self.counts[row["status"]] += 1
                measure = row.get("val_error", row.get("val_loss"))
                if measure is not None and math.isfinite(measure):
                    before = self.best.get(row["optimizer"], math.inf)
                    self.best[row["optimizer"]] = min(before, measure)
        else:
            self.counts["failed"] += len(group.specs)
        if time.monotonic() - self._drawn >= DRAW_EVERY or self.pace.done == self.pace.runs:
            self._draw()

    def _draw(self) -> None:
        """Show where things are: on a terminal; elsewhere a line now and then."""
        if self.bar is None:
            return
        self._drawn = time.monotonic()
        if not self.bar.disable:
            self.bar.n, self.bar.total = self.pace.position, self.pace.runs
            self.bar.set_description_str(self._standing(), refresh=False)
            self.bar.refresh()
        elif self._drawn - self._said >= LINE_EVERY:
            self._said = self._drawn
            self._say(self._standing())

    def _standing(self) -> str:
        """Return how far it is, what went wrong, and how good it is: the most needed first."""
        from tqdm import tqdm

        left = self.pace.seconds_left
        rest = "" if left is None else f", {tqdm.format_interval(round(left))} left"
        if self.asked == 1:
            measured = [f"{name} {value:.3f}" for name, value in self._measured().items()]
            return ", ".join([f"{self.pace.position:.0%}{rest}", *measured])
        shown = [f"{self.pace.done}/{self.pace.runs} runs{rest}"]
        shown.append(f"{self.pace.speed:,.0f} run-steps/s")
        shown += [f"{self.counts[s]} {s}" for s in ("failed", "diverged") if self.counts[s]]
        bests = sorted(self.best.items(), key=lambda pair: pair[1])
        shown += [f"{'best ' * (not i)}{n} {v:.3f}" for i, (n, v) in enumerate(bests)]
        while len(line := ", ".join(shown)) > self._room and len(shown) > 1:
            shown.pop()
        return line

    @property
    def _room(self) -> int:
        """Return how many letters fit beside the bar; a line of its own may be long."""
        columns = self.bar.format_dict["ncols"] if self.bar and not self.bar.disable else None
        return int(columns or 200) - len("100%|          | ") - 1

    def _measured(self) -> dict[str, float]:
        """Return what a single run's latest evaluation showed."""
        if self._latest is None:
            return {}
        shown = {"loss": self._latest["train_loss"]}
        if "val_accuracy" in self._latest or "test_accuracy" in self._latest:
            shown["acc"] = self._latest.get("val_accuracy", self._latest["test_accuracy"])
        return {**shown, "gap": self._latest["gap_loss"]}

    def _say(self, line: str) -> None:
        if self.quiet:
            return
        try:
            print(line, file=sys.stderr)
        except OSError:  # nobody listens any more; training goes on
            self.quiet = True
