"""The lock of a study in a bucket."""

import threading
import time

import pytest

from adamcmp.storage import bucket_lock
from adamcmp.storage.bucket_lock import BucketLock
from adamcmp.storage.buckets import BucketError
from adamcmp.storage.object_store import ObjectStore
from tests.support.s3_server import Fault


@pytest.fixture(autouse=True)
def short_leases(monkeypatch):
    monkeypatch.setattr(bucket_lock, "LEASE_SECONDS", 0.4)


@pytest.fixture
def other(bucket_files, monkeypatch):
    """The lock of another machine."""
    lock = BucketLock(bucket_files, ".lock", 0.0)
    lock._holder["host"] = "other"
    return lock


def test_a_lock_is_renewed_and_released(bucket_files, other):
    with bucket_files.lock(0.0):
        time.sleep(1.0)
        with pytest.raises(TimeoutError):
            other.__enter__()
        bucket_files.replace("study.yaml", b"")
    with other:
        pass
    assert set(bucket_files.list("")) == {"study.yaml"}


def test_a_lock_of_a_dead_process_is_taken_over(bucket_files, other):
    other._thread = threading.Thread(target=lambda: None)  # it renews nothing
    other.__enter__()
    with bucket_files.lock(0.0):
        bucket_files.replace("study.yaml", b"")


def test_a_lock_of_a_dead_process_of_this_machine_is_free_at_once(bucket_files, monkeypatch):
    monkeypatch.setattr(bucket_lock, "LEASE_SECONDS", 1e3)
    dead = BucketLock(bucket_files, ".lock", 0.0)
    dead._holder["started"] = "earlier"
    dead.__enter__()
    with bucket_files.lock(0.0):
        pass


def test_what_a_lock_guards_is_not_changed_after_it_was_taken_over(bucket_files, other):
    frozen = ObjectStore(bucket_files.address, bucket_files._bucket)
    with frozen.lock(0.0):
        frozen._locks[0]._released.set()  # it renews nothing
        frozen._locks[0]._renewed -= 1
        other.__enter__()
        with pytest.raises(BucketError, match="taken over this lock"):
            frozen.replace("study.yaml", b"")
    assert "study.yaml" not in bucket_files.list("")
    other.__exit__()


def test_a_release_whose_answer_is_lost_is_a_release(bucket_files, s3):
    with bucket_files.lock(0.0):
        s3.faults = [Fault("PUT", r"\.lock", None, after=True)]
    with bucket_files.lock(0.0):
        pass


def test_one_of_several_processes_at_a_time_holds_the_lock(bucket_files):
    inside, most = [], []

    def change(_):
        files = ObjectStore(bucket_files.address, bucket_files._bucket)
        with files.lock(30.0):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    bucket_files.concurrently(change, range(6))
    assert most == [1] * 6
