"""How far ``run`` and ``sweep`` are, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from adamcmp.types import Done

if TYPE_CHECKING:
    from tqdm import tqdm

    from adamcmp.grouping import LaneGroup
    from adamcmp.plan import RunSpec
    from adamcmp.training import Progress
    from adamcmp.types import Outcome

#: Seconds between two lines where there is no terminal.
LINE_EVERY = 30.0


class Bar:
    """The progress of one command: one run's loss and gap, or a sweep's runs.

    Args:
        combinations: Points of the grid, some of which may be the same run.
        quiet: Show nothing.
    """

    def __init__(self, combinations: int, quiet: bool = False) -> None:
        self.combinations, self.quiet = combinations, quiet
        self.bar: tqdm[Any] | None = None
        self.asked = self.runs = self.done = 0
        self.counts: Counter[str] = Counter()
        self.best: dict[str, float] = {}
        self._under_way: dict[tuple[str, ...], float] = {}
        self._steps: dict[tuple[str, ...], int] = {}
        self._began = self._said = time.monotonic()
        self._run_steps = 0

    def planned(self, specs: tuple[RunSpec, ...], groups: tuple[LaneGroup, ...]) -> None:
        """Open the bar over a run's steps, or over a sweep's runs."""
        self.asked, self.runs = len(specs), sum(len(group.specs) for group in groups)
        if self.combinations > self.asked:
            same = self.combinations - self.asked
            self._say(
                f"{same} of {self.combinations} combinations are the same run as another (an "
                f"optimizer without decay, or a label for the same numbers)"
            )
        if not groups or self.quiet:
            return
        if self.asked > 1:
            there = self.asked - self.runs
            already = f", {there} there already or elsewhere" if there else ""
            of_lanes = f"{len(groups)} group{'s' * (len(groups) > 1)} of lanes"
            self._say(f"{self.asked} runs{already}, {of_lanes}")
        from tqdm import tqdm

        self._began = self._said = time.monotonic()
        self.bar = tqdm(
            total=self.runs,
            file=sys.stderr,
            disable=None,  # where there is no terminal
            dynamic_ncols=True,
            leave=False,
            bar_format="{l_bar}{bar}| {n:.0f}/{total} [{elapsed}<{remaining}{postfix}]",
        )

    def notice(self, text: str) -> None:
        """Say what a person should know."""
        self._say(f"adamcmp: {text}")

    def progress(self, group: LaneGroup, progress: Progress) -> None:
        """Move the bar."""
        if self.bar is None:
            return
        key = tuple(spec.run_id for spec in group.specs)
        # A group that goes on from a checkpoint begins later than at its first step.
        self._run_steps += (progress.step - self._steps.get(key, progress.step)) * progress.lanes
        self._steps[key] = progress.step
        self._under_way[key] = len(key) * progress.step / progress.steps
        if self.asked == 1:
            self.bar.total, self.bar.n = progress.steps, progress.step
            if progress.latest:
                self.bar.set_postfix(_postfix(progress.latest), refresh=False)
        else:
            self.bar.n = min(self.done + sum(self._under_way.values()), self.runs)
            self.bar.set_postfix_str(self._standing(), refresh=False)
        self.bar.refresh()
        if self.bar.disable and time.monotonic() - self._said >= LINE_EVERY:
            self._said = time.monotonic()
            self._say(f"{self.done} of {self.runs} runs, {self._left()}; {self._standing()}")

    def finished(self, group: LaneGroup, outcome: Outcome) -> None:
        """Count a group's runs as done."""
        self.done += len(group.specs)
        self._under_way.pop(tuple(spec.run_id for spec in group.specs), None)
        if isinstance(outcome, Done):
            for row in outcome.runs:
                self.counts[row["status"]] += 1
                measure = row.get("val_error", row.get("val_loss"))
                if measure is not None and math.isfinite(measure):
                    before = self.best.get(row["optimizer"], math.inf)
                    self.best[row["optimizer"]] = min(before, measure)
        else:
            self.counts["failed"] += len(group.specs)
        if self.done == self.runs:
            self.close()

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self.bar is not None:
            self.bar.close()

    def _standing(self) -> str:
        """Return the sweep's speed, the best of each optimizer so far, and what went wrong."""
        speed = self._run_steps / max(time.monotonic() - self._began, 1e-9)
        shown = [f"{speed:,.0f} run-steps/s"]
        if self.best:
            bests = sorted(self.best.items(), key=lambda pair: pair[1])[:4]
            shown.append("best val " + " ".join(f"{name} {value:.3f}" for name, value in bests))
        shown += [f"{self.counts[s]} {s}" for s in ("diverged", "failed") if self.counts[s]]
        return ", ".join(shown)

    def _left(self) -> str:
        done = self.done + sum(self._under_way.values())
        spent = time.monotonic() - self._began
        return f"about {spent / done * (self.runs - done):.0f} s left" if done else "just begun"

    def _say(self, line: str) -> None:
        if not self.quiet:
            print(line, file=sys.stderr)


def _postfix(latest: dict[str, float]) -> dict[str, str]:
    shown = {"loss": latest["train_loss"]}
    if "val_accuracy" in latest or "test_accuracy" in latest:
        shown["acc"] = latest.get("val_accuracy", latest["test_accuracy"])
    shown["gap"] = latest["gap_loss"]
    return {name: f"{value:.3f}" for name, value in shown.items()}
