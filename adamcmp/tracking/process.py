"""Write stored runs to a tracker in a separate process, whose failure does not affect runs.

The process reads the store, so that the tracker shows the stored runs, each once. Runs that it
lacks, because it failed or the command was killed, are written by the next command that requests
them with the same tracker.

A run is written when its rows are stored, not while it trains: a group of lanes sends its
evaluations to this process when it ends.
"""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adamcmp.components.trackers import NO_TRACKER, Tracker
from adamcmp.config import StudyConfig
from adamcmp.errors import AdamcmpError, Interrupted
from adamcmp.execution.executors import Handle, Pool, Task, WorkerProcessDied
from adamcmp.execution.observer import Observer
from adamcmp.planning.grouping import LaneGroup
from adamcmp.planning.plan import Plan
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.addresses import Address
from adamcmp.tracking.worker import TrackingRequest, append_to_journal, write_runs
from adamcmp.training.outcome import Outcome

#: Minimum seconds between two tasks of the tracking process.
INTERVAL = 5.0
#: Seconds without a written run after which a tracker has failed.
TIMEOUT = 120.0
#: The user and password in a URL.
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


@contextlib.contextmanager
def tracked(config: StudyConfig, observer: Observer) -> Iterator[Observer]:
    """Write the runs of an execution to the study's tracker as they are stored.

    On leaving the context, the runs that the tracker still lacks are written.

    Args:
        config: The study, with its tracker.
        observer: Receives the events of the execution, too.

    Yields:
        The observer for the execution.

    Raises:
        Interrupted: If Ctrl-C arrives while the last runs are written.
    """
    if config.tracker == NO_TRACKER:
        yield observer
        return
    process = TrackingProcess(config.tracker, config.location.folder)

    def on_planned(plan: Plan, groups: tuple[LaneGroup, ...]) -> None:
        process.start(plan.specs)
        observer.on_planned(plan, groups)

    def on_finished(group: LaneGroup, outcome: Outcome) -> None:
        observer.on_finished(group, outcome)
        process.update()

    try:
        yield replace(observer, on_planned=on_planned, on_finished=on_finished)
        process.finish()
    finally:
        process.close()


class TrackingProcess:
    """Controls the tracking process of a command.

    A failure of the tracker is logged and written to the journal; it raises nothing.

    Args:
        tracker: The tracker.
        study: The folder or URL of the study.
    """

    def __init__(self, tracker: Tracker, study: Address) -> None:
        self._request = TrackingRequest(tracker, study, frozenset())
        self._pool: Pool | None = None
        self._handles: set[Handle[str | None]] = set()
        self._submitted = self._last_report = time.monotonic()

    def start(self, specs: Sequence[RunSpec]) -> None:
        """Start the process.

        Args:
            specs: The requested runs, some of which may be stored already.
        """
        run_ids = frozenset(spec.run_id for spec in specs)
        self._request = TrackingRequest(self._request.tracker, self._request.study, run_ids)
        with self._failing():
            self._pool = Pool(1, 1)

    def update(self) -> None:
        """Let the process write runs that were stored meanwhile, without waiting for it."""
        if self._pool is None or time.monotonic() - self._submitted < INTERVAL:
            return
        with self._failing():
            self._poll(self._pool, 0.0)
            # `_poll` closes the pool if the tracker has failed.
            if self._pool and not self._handles:
                self._submit(self._pool)

    def finish(self) -> None:
        """Write the remaining runs, and wait for it.

        Raises:
            Interrupted: If Ctrl-C arrives meanwhile.
        """
        try:
            with self._failing():
                self._wait()
                if self._pool:
                    self._submit(self._pool)
                self._wait()
        except KeyboardInterrupt:
            name = self._request.tracker.name
            text = f"all runs are stored, but not all of them are in {name} yet"
            raise Interrupted(signal.SIGINT, text) from None

    def close(self) -> None:
        """End the process at once."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def _submit(self, pool: Pool) -> None:
        self._submitted = self._last_report = time.monotonic()
        self._handles = set(pool.submit([Task(write_runs, self._request)]))

    def _wait(self) -> None:
        """Wait until no task is running, or the tracker has failed."""
        while self._pool and self._handles:
            self._poll(self._pool, 0.2)

    def _poll(self, pool: Pool, timeout: float) -> None:
        for result in pool.poll(self._on_report, timeout):
            self._handles.discard(result.handle)
            if isinstance(result.value, WorkerProcessDied):
                self._fail(result.value.reason)
            elif result.value is not None:
                self._fail(result.value)
        if self._handles and time.monotonic() - self._last_report > TIMEOUT:
            self._fail(f"it accepted no run within {TIMEOUT:g} s.")

    def _on_report(self, handle: Handle[str | None], message: object) -> None:
        self._last_report = time.monotonic()

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Treat errors, such as a failed start of the process, as failures of the tracker."""
        try:
            yield
        except (AdamcmpError, OSError) as error:
            self._fail(str(error))

    def _fail(self, reason: str) -> None:
        """Log a failure, write it to the journal, and end the process."""
        self.close()
        self._handles.clear()
        reason = _without_password(reason)
        logging.getLogger(__name__).warning(
            "adamcmp: logger=%s failed (%s). Training is not affected. Run the same command again "
            "to write the missing runs.",
            *(self._request.tracker.name, reason.rstrip(".")),
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with contextlib.suppress(OSError):  # it is logged already
            self._request.journal.parent.mkdir(exist_ok=True)  # the process may not have created it
            append_to_journal(self._request, {"error": reason, "at": now})


def _without_password(text: str) -> str:
    """Return a text without the users and passwords in URLs, such as ``MLFLOW_TRACKING_URI``."""
    return _PASSWORD.sub("", text)
