"""A lock in an object store: an object that its holder renews, and that others watch.

The lock is changed by conditional writes only, so that one of several processes succeeds. Its
holder rewrites it several times within the length of a lease. Another process that sees no change
for the length of a lease, by its own monotonic clock, takes the lock over. So clocks that differ
between machines do not matter.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from typing import Any, Protocol, Self

from adamcmp.errors import StoreError
from adamcmp.platform.clocks import boot_time_clock
from adamcmp.platform.processes import machine, process_start
from adamcmp.storage.buckets import BucketError

#: Seconds without a renewal after which a lock is taken over. A write that begins a third of this
#: time after a renewal ends before: its requests are repeated for at most two minutes.
LEASE_SECONDS = 180.0
#: A lock is renewed this many times within `LEASE_SECONDS`.
RENEWALS = 4
#: Minimum and maximum seconds between two looks at a lock that another process holds.
PAUSES = (0.05, 1.0)


class TaggedFiles(Protocol):
    """The operations of an object store that a lock needs."""

    def location(self, name: str) -> str:
        """See `adamcmp.storage.files.Files.location`."""

    def read_tagged(self, name: str) -> tuple[bytes, str]:
        """See `adamcmp.storage.object_store.ObjectStore.read_tagged`."""

    def write_if(self, name: str, content: bytes, tag: str | None) -> str:
        """See `adamcmp.storage.object_store.ObjectStore.write_if`."""


class BucketLock:
    """A lock that one process at a time holds: a context manager.

    Args:
        objects: The files of the study.
        name: The file of the lock.
        timeout: Seconds to wait for another process that is alive.
    """

    def __init__(self, objects: TaggedFiles, name: str, timeout: float) -> None:
        self._objects, self._name, self._timeout = objects, name, timeout
        pid = os.getpid()
        self._holder = {"machine": machine(), "pid": pid, "started": process_start(pid)}
        self._tag = ""
        self._renewed = 0.0
        self._lost = False
        self._mutex = threading.Lock()
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._renew_often, daemon=True)

    def __enter__(self) -> Self:
        self._tag = self._acquired()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._released.set()
        self._thread.join()
        # If it cannot be released now, another process takes it over after `LEASE_SECONDS`.
        with contextlib.suppress(OSError):
            self._objects.write_if(self._name, _content(None), self._tag)

    def check(self) -> None:
        """Check that no other process has taken over the lock.

        Raises:
            BucketError: If another process has taken it over, or the object store does not answer.
        """
        if boot_time_clock() - self._renewed > LEASE_SECONDS / 3:
            self._renew()
        if self._lost:
            raise BucketError(
                f"{self._objects.location(self._name)}: another process has taken over this lock, "
                f"because this process was suspended or the object store did not answer. Repeat "
                f"the command."
            )

    def _acquired(self) -> str:
        """Wait for the lock, and return the tag of the object that this process has written.

        Raises:
            TimeoutError: If another process, which is alive, holds it for longer than the timeout.
        """
        deadline = boot_time_clock() + self._timeout
        seen: dict[str, float] = {}
        pause, longest = PAUSES
        while True:
            holder, tag = self._state()
            now = boot_time_clock()
            expired = now - seen.setdefault(tag or "", now) > LEASE_SECONDS
            if holder is None or expired or self._has_ended(holder):
                with contextlib.suppress(FileExistsError):
                    self._renewed = now
                    return self._objects.write_if(self._name, _content(self._holder), tag)
            elif now >= deadline and (self._is_local(holder) or len(seen) > 1):
                raise TimeoutError
            time.sleep(pause)
            pause = min(1.5 * pause, longest)

    def _is_local(self, holder: dict[str, Any]) -> bool:
        """Return whether the holder is a process of this machine."""
        return bool(holder["machine"] == self._holder["machine"])

    def _has_ended(self, holder: dict[str, Any]) -> bool:
        """Return whether the holder was a process of this machine that has ended."""
        return self._is_local(holder) and process_start(holder["pid"]) != holder["started"]

    def _state(self) -> tuple[dict[str, Any] | None, str | None]:
        """Return who holds the lock, and the tag of its object; None if there is no object.

        Raises:
            StoreError: If it is damaged.
        """
        try:
            content, tag = self._objects.read_tagged(self._name)
        except FileNotFoundError:
            return None, None
        try:
            # The lock of a folder, which was copied into the bucket with its study, is empty.
            holder = json.loads(content)["holder"] if content else None
            if holder is None or {"machine", "pid", "started"} <= holder.keys():
                return holder, tag
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        raise StoreError(
            f"{self._objects.location(self._name)} is damaged. Delete it while no command uses "
            f"the study."
        )

    def _renew_often(self) -> None:
        while not self._released.wait(LEASE_SECONDS / RENEWALS):
            with contextlib.suppress(OSError):  # `check` tries again
                self._renew()

    def _renew(self) -> None:
        with self._mutex:
            if self._lost:
                return
            started = boot_time_clock()
            try:
                content = _content(self._holder)
                self._tag = self._objects.write_if(self._name, content, self._tag)
            except FileExistsError:
                self._lost = True
            else:
                self._renewed = started


def _content(holder: dict[str, Any] | None) -> bytes:
    # Equal contents would have equal tags.
    return json.dumps({"holder": holder, "write": secrets.token_hex(8)}).encode()
