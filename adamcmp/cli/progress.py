"""The progress bar of ``run`` and ``sweep``, on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm

    from adamcmp.grouping import LaneGroup
    from adamcmp.plan import RunSpec
    from adamcmp.training import Progress
    from adamcmp.types import Outcome


class Bar:
    """A progress bar on stderr: one run's loss, accuracy and gap, or a sweep's runs."""

    def __init__(self, combinations: int) -> None:
        self.combinations = combinations
        self.bar: tqdm[Any] | None = None
        self.asked = self.runs = self.done = self.lanes = 0

    def planned(self, specs: tuple[RunSpec, ...], groups: tuple[LaneGroup, ...]) -> None:
        """Open the bar over a run's steps, or over a sweep's runs."""
        from tqdm import tqdm

        self.asked, self.runs = len(specs), sum(len(group.specs) for group in groups)
        if self.combinations > self.asked:
            same = self.combinations - self.asked
            print(
                f"{same} of {self.combinations} combinations are the same run as another (an "
                f"optimizer without decay, or a label for the same numbers)",
                file=sys.stderr,
            )
        if not groups:
            return
        if self.asked > 1:
            there = self.asked - self.runs
            already = f", {there} there already" if there else ""
            of_lanes = f"{len(groups)} group{'s' * (len(groups) > 1)} of lanes"
            print(f"{self.asked} runs{already}, {of_lanes}", file=sys.stderr)
        self.bar = tqdm(
            total=self.runs,
            file=sys.stderr,
            disable=None,  # quiet when not a terminal
            dynamic_ncols=True,
            leave=False,
            bar_format="{l_bar}{bar}| {n:.0f}/{total} [{elapsed}<{remaining}{postfix}]",
        )

    def progress(self, progress: Progress) -> None:
        """Move the bar."""
        if self.bar is None:
            return
        if self.asked == 1:
            self.bar.total, self.bar.n = progress.steps, progress.step
        else:
            self.lanes = progress.lanes if progress.step == 0 else self.lanes
            self.bar.n = self.done + self.lanes * progress.step / progress.steps
        if progress.latest:
            self.bar.set_postfix(_postfix(progress.latest), refresh=False)
        self.bar.refresh()

    def finished(self, group: LaneGroup, outcome: Outcome) -> None:
        """Count a group's runs as done."""
        self.done += len(group.specs)
        if self.done == self.runs:
            self.close()

    def close(self) -> None:
        """Take the bar off the terminal."""
        if self.bar is not None:
            self.bar.close()


def _postfix(latest: dict[str, float]) -> dict[str, str]:
    shown = {"loss": latest["train_loss"]}
    if "val_accuracy" in latest or "test_accuracy" in latest:
        shown["acc"] = latest.get("val_accuracy", latest["test_accuracy"])
    shown["gap"] = latest["gap_loss"]
    return {name: f"{value:.3f}" for name, value in shown.items()}
