"""Reservations: the shares of open plans that this process trains, so that no other one does.

A share is reserved by creating its next lease. The lease holds while the heartbeats of the process
arrive. A process that was frozen may have lost a share to another process. Before rows are stored,
each process therefore checks that its leases are still the last ones.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from adamcmp.execution.heartbeats import Heartbeat
from adamcmp.execution.liveness import Liveness
from adamcmp.execution.open_plans import OpenPlan, is_stored, read_plan
from adamcmp.execution.plan_contents import PlannedGroup
from adamcmp.execution.queue_files import (
    QueueState,
    Share,
    create_lease,
    done_file,
    lease_file,
    lease_holder,
    list_queue,
    remove_plan,
)
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.clocks import boot_time_clock
from adamcmp.platform.files import storage_errors
from adamcmp.storage.files import Files
from adamcmp.storage.rows import RunRow
from adamcmp.storage.store import Store

#: After rows were stored, a share is chosen from the list of the queue that was made just before,
#: if this was not longer ago. Whether the share is still free is decided when its lease is created.
RECENT_SECONDS = 1.0

#: Returns the lane groups in which the runs of planned groups are trained.
Grouping = Callable[[Sequence[PlannedGroup]], Sequence[LaneGroup]]


@dataclass
class _Reserved:
    """A share that this process trains.

    Attributes:
        lease: The number of its lease.
        missing: The runs that are not stored yet.
    """

    lease: int
    missing: set[str]


@dataclass
class Reservations:
    """The shares that this process reserves, trains and completes.

    Attributes:
        store: The study.
        heartbeat: The heartbeat of this process.
        plans: The numbers of the plans to work on.
        grouping: Groups the runs of a share.
        specs: Runs that need not be read from a plan, by id.
        losses: Number of shares that this process has lost: another worker has taken them over, or
            their plan was removed.
    """

    store: Store
    heartbeat: Heartbeat
    plans: frozenset[int]
    grouping: Grouping
    specs: Mapping[str, RunSpec] = field(default_factory=dict)
    losses: int = field(init=False, default=0)
    _liveness: Liveness = field(init=False)
    _reserved: dict[Share, _Reserved] = field(init=False, default_factory=dict)
    #: The attempt number of each run that was ever reserved by this process.
    _attempts: dict[str, int] = field(init=False, default_factory=dict)
    _plans: dict[int, OpenPlan] = field(init=False, default_factory=dict)
    #: The worker of each lease that was read; a lease is never changed.
    _holders: dict[tuple[Share, int], str | None] = field(init=False, default_factory=dict)
    #: The shares that this process has completed.
    _completed: set[Share] = field(init=False, default_factory=set)
    _state: QueueState = field(init=False, default_factory=QueueState)
    _listed: float = field(init=False, default=0.0)
    #: Whether the queue was listed by `refresh`, and no share was chosen since.
    _refreshed: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self._liveness = Liveness(self._files)

    @property
    def _files(self) -> Files:
        return self.store.files

    def take(self) -> list[LaneGroup]:
        """Reserve a share and return the groups of its runs that are not stored.

        Returns:
            No groups if every share is done or reserved.

        Raises:
            ConfigError: If another version of adamcmp wrote a plan.
            StoreError: If the study cannot be read or written, or this machine would train other
                runs than the plan has.
            UntrustedCode: If a run names code that is not trusted.
        """
        with storage_errors(self.store.folder):
            if not self._refreshed or boot_time_clock() - self._listed > RECENT_SECONDS:
                self._list()
            self._refreshed = False
            self._remove_completed()
            for share in self._candidates():
                number = self._state.leases.get(share, 0) + 1
                if not self._lease(share, number):
                    continue
                if groups := self._missing_groups(share, number):
                    return groups
        return []

    def _lease(self, share: Share, number: int) -> bool:
        """Create a lease; return whether the share is now reserved by this process."""
        if not create_lease(self._files, share, number, self.heartbeat.worker):
            return False
        # The plan may have been completed, and removed with its leases, since it was listed.
        self._list()
        if share.plan in self._state.plans and self._state.leases.get(share) == number:
            return True
        self._files.delete(lease_file(share, number))
        return False

    @property
    def waiting_for_others(self) -> bool:
        """Whether other processes train shares, which this one may have to take over."""
        return any(
            share not in self._state.done and share not in self._reserved
            for plan in self._open_plans()
            for share in plan.shares
        )

    def attempts(self, run_ids: Iterable[str]) -> dict[str, int]:
        """Return the attempt number of runs that are reserved, or that this process has lost."""
        return {run_id: self._attempts[run_id] for run_id in run_ids}

    def has_reserved(self, run_ids: Iterable[str]) -> bool:
        """Return whether runs are reserved, as far as this process knows."""
        reserved = {run_id for each in self._reserved.values() for run_id in each.missing}
        return reserved.issuperset(run_ids)

    def refresh(self) -> None:
        """Drop the shares that another process has taken over, and those of removed plans.

        This is called just before rows are stored: a process may have been frozen, its heartbeats
        may not have arrived, and a plan may be removed at any time.

        Raises:
            StoreError: If the queue cannot be listed.
        """
        with storage_errors(self.store.folder):
            self._list()
        self._refreshed = True
        if self._reserved and not self._state.plans:
            self.store.check_exists()
        for share in [*self._reserved]:
            last = self._state.leases.get(share) == self._reserved[share].lease
            if not last or share.plan not in self._state.plans:
                del self._reserved[share]
                self.losses += 1

    @property
    def refresh_is_due(self) -> bool:
        """Whether the queue was not listed for two heartbeats."""
        return boot_time_clock() - self._listed > 2 * self.heartbeat.interval

    def mark_stored(self, run_ids: Iterable[str]) -> None:
        """Record that runs are stored; a share without missing runs is done.

        Raises:
            StoreError: If the queue cannot be written.
        """
        for run_id in run_ids:
            for each in self._reserved.values():
                each.missing.discard(run_id)
        with storage_errors(self.store.folder):
            for share in [share for share, each in self._reserved.items() if not each.missing]:
                self._complete(share)

    def _complete(self, share: Share) -> None:
        del self._reserved[share]
        self._completed.add(share)
        self._state.done.add(share)
        plan = self._plans[share.plan]
        all_done = self._state.done.issuperset(plan.shares)
        if all_done and plan.standing:
            remove_plan(self._files, plan.number)
        elif not all_done or plan.header.owner != self.heartbeat.worker:
            self._files.replace(done_file(share), b"{}")

    def _list(self) -> None:
        self._listed = boot_time_clock()
        self._state = list_queue(self._files)
        # The last share of an attached plan has no file that says that it is done.
        self._state.done |= self._completed

    def _open_plans(self) -> list[OpenPlan]:
        """Return the open plans to work on."""
        plans = []
        for number in self._state.plans:
            if number not in self.plans:
                continue
            if number not in self._plans and (plan := read_plan(self._files, number)):
                self._plans[number] = plan
            if number in self._plans:
                plans.append(self._plans[number])
        return plans

    def _remove_completed(self) -> None:
        """Remove the standing plans whose last shares were completed by two workers at once."""
        for plan in self._open_plans():
            if plan.standing and self._state.done.issuperset(plan.shares):
                remove_plan(self._files, plan.number)
                self._state.plans.remove(plan.number)

    def _candidates(self) -> Iterable[Share]:
        """Yield the shares to reserve: first those without a lease, then those of dead workers."""
        shares = [
            share
            for plan in self._open_plans()
            for share in self._in_order(plan)
            if share not in self._state.done and share not in self._reserved
        ]
        yield from (share for share in shares if share not in self._state.leases)
        leased = [share for share in shares if share in self._state.leases]
        yield from (share for share in self._examined(leased) if self._is_abandoned(share))

    def _examined(self, leased: Sequence[Share]) -> list[Share]:
        """Return the shares whose leases are examined now: not all, so that few files are read.

        The holder of a lease that was read before is known. The waiting workers divide the other
        leases among them, so that together they notice an abandoned share as early as if each of
        them read all leases.
        """
        unread = [s for s in leased if (s, self._state.leases[s]) not in self._holders]
        count = math.ceil(len(unread) / max(len(self._state.workers), 1))
        later = set(unread[count:])
        return [share for share in leased if share not in later]

    def _in_order(self, plan: OpenPlan) -> tuple[Share, ...]:
        """Return the shares of a plan, so that not all workers try to reserve the same one."""
        shares = plan.shares
        if plan.header.owner == self.heartbeat.worker:
            return shares
        digest = hashlib.blake2b(self.heartbeat.worker.encode(), digest_size=4).digest()
        start = int.from_bytes(digest) % len(shares)
        return shares[start:] + shares[:start]

    def _is_abandoned(self, share: Share) -> bool:
        number = self._state.leases.get(share)
        if number is None:  # its plan was removed since the shares were listed
            return False
        if (share, number) not in self._holders:
            self._holders[share, number] = lease_holder(self._files, share, number)
        holder = self._holders[share, number]
        lease_seconds = self._plans[share.plan].header.lease_seconds
        return holder is not None and not self._liveness.is_alive(
            holder, self._state, lease_seconds
        )

    def _missing_groups(self, share: Share, lease: int) -> list[LaneGroup]:
        """Return the groups of a share that are not stored, which this process has reserved."""
        groups = self._plans[share.plan].content.share(share.number, self.specs)
        # Only the holders of earlier leases may have stored some of them.
        run_ids = [run_id for group in groups for run_id in group.attempts]
        outcomes = self.store.outcomes(run_ids) if lease > 1 else {}
        missing = [group.only(_not_stored(group, outcomes)) for group in groups]
        missing = [group for group in missing if group.specs]
        attempts = {r: a for group in missing for r, a in group.attempts.items()}
        self._attempts |= attempts
        self._reserved[share] = _Reserved(lease, set(attempts))
        if not missing:
            self._complete(share)
            return []
        return list(self.grouping(missing))


def _not_stored(group: PlannedGroup, outcomes: Mapping[str, RunRow]) -> set[str]:
    return {r for r, attempt in group.attempts.items() if not is_stored(r, attempt, outcomes)}
