"""Callbacks for the events of an execution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.training.outcome import Outcome, TrainingProgress


@dataclass(frozen=True)
class Observer:
    """Callbacks for the events of an execution, for example to show them in a terminal.

    Attributes:
        on_planned: Called once, with the plan of all requested runs and the groups to train. The
            plan has predicted times unless nothing is left to train or this machine lacks the
            device.
        on_notice: Called with messages to the user.
        on_progress: Called with a group and its progress, while it is trained.
        on_finished: Called with each group and its outcome, after its rows are stored.
    """

    on_planned: Callable[[Plan, tuple[LaneGroup, ...]], None] = lambda plan, groups: None
    on_notice: Callable[[str], None] = lambda text: None
    on_progress: Callable[[LaneGroup, TrainingProgress], None] = lambda group, progress: None
    on_finished: Callable[[LaneGroup, Outcome], None] = lambda group, outcome: None


#: Ignores all events.
NO_OBSERVER = Observer()
