"""Divide the groups of a plan into shares, each reserved and trained by one worker."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from adamcmp.execution.plan_contents import PlannedGroup
from adamcmp.planning.cost_model import CostModel, sum_if_known
from adamcmp.planning.grouping import LaneGroup, resumed_groups
from adamcmp.storage.store import Store

#: Predicted seconds of a share in a long plan. Reserving shares must take little of the time of
#: many workers, and a share must be small beside the minutes that a job of a cluster has.
SHARE_SECONDS = 300.0
#: A short plan has this many shares, if it has as many groups: several workers then end together.
MIN_SHARES = 32
#: A very long plan has longer shares: listing the queue must stay fast.
MAX_SHARES = 4096


def make_shares(groups: Sequence[LaneGroup], costs: CostModel) -> list[list[LaneGroup]]:
    """Return the groups in shares of similar predicted time, in their order.

    Args:
        groups: The groups, the longest first.
        costs: Their predicted times. If one is unknown, all groups are assumed to be equally long.
    """
    seconds = [costs.seconds(group) for group in groups]
    known = [each for each in seconds if each is not None]
    lengths = known if len(known) == len(groups) else [1.0] * len(groups)
    total = sum(lengths)
    longest = SHARE_SECONDS if lengths is known else total
    limit = max(min(longest, total / MIN_SHARES), total / MAX_SHARES)
    count = math.ceil(total / limit) if total else 1
    # The shares divide the total time into equal parts. A group belongs to the share whose part
    # contains the middle of the group's time.
    middles = (end - length / 2 for end, length in zip(accumulate(lengths), lengths, strict=True))
    shares: dict[int, list[LaneGroup]] = {}
    for group, middle in zip(groups, middles, strict=True):
        shares.setdefault(int(middle / total * count) if total else 0, []).append(group)
    return list(shares.values())


def share_seconds(share: Sequence[LaneGroup], costs: CostModel) -> float | None:
    """Return the predicted time of a share on one worker; None if it is unknown."""
    return sum_if_known(map(costs.seconds, share))


def lane_groups(groups: Sequence[PlannedGroup], costs: CostModel, store: Store) -> list[LaneGroup]:
    """Return the groups of a share as lane groups; runs that share a checkpoint stay together.

    Args:
        groups: The planned groups.
        costs: Selects the width of the groups of runs that were planned without groups.
        store: The study.
    """
    checkpoints = store.checkpoints.existing().values()
    trained: list[LaneGroup] = []
    for group in groups:
        width = len if group.grouped else costs.width
        trained += resumed_groups(group.specs, checkpoints, width)
    return trained
