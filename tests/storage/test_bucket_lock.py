"""The lock of a study in a bucket."""

import socket
import subprocess
import sys
import threading
import time

import pytest

from adamcmp.errors import StoreError
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
    lock._holder["machine"] = "other"
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


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.replace("study.yaml", b""),
        lambda files: files.create("queue/plan-000001.parquet", b""),
        lambda files: files.delete("a file"),
    ],
    ids=["replace", "create", "delete"],
)
def test_what_a_lock_guards_is_not_changed_after_it_was_taken_over(change, bucket_files, other):
    bucket_files.create("a file", b"")
    frozen = ObjectStore(bucket_files.address, bucket_files._bucket)
    with frozen.lock(0.0):
        frozen._locks[0]._released.set()  # it renews nothing
        frozen._locks[0]._renewed -= 1
        other.__enter__()
        with pytest.raises(BucketError, match="taken over this lock"):
            change(frozen)
    assert set(bucket_files.list("")) == {"a file"} and not bucket_files.list("queue/")
    other.__exit__()


def test_a_release_whose_answer_is_lost_is_a_release(bucket_files, s3):
    with bucket_files.lock(0.0):
        s3.faults = [Fault("PUT", r"\.lock", None, after=True)]
    with bucket_files.lock(0.0):
        pass


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"holder": 1}', b'{"holder": {"pid": 1}}'])
def test_a_damaged_lock_is_named(bucket_files, content):
    bucket_files.create(".lock", content)
    with pytest.raises(StoreError, match=r"\.lock is damaged\. Delete it"), bucket_files.lock(0.0):
        pass


def test_the_lock_of_a_folder_that_was_copied_is_free(bucket_files):
    bucket_files.create(".lock", b"")
    with bucket_files.lock(0.0):
        pass


def test_the_same_host_name_is_not_the_same_machine(bucket_files):
    """Containers may have the name of their host, but not its processes."""
    held = BucketLock(bucket_files, ".lock", 0.0)
    held._holder |= {"machine": f"{socket.gethostname()} another container", "started": "earlier"}
    held.__enter__()
    try:
        with pytest.raises(TimeoutError), bucket_files.lock(0.0):
            pass
    finally:
        held.__exit__()


@pytest.mark.slow
def test_one_of_several_processes_at_a_time_holds_the_lock(bucket_files, tmp_path):
    script = """
import sys, time
from adamcmp.platform.addresses import address
from adamcmp.storage.object_store import object_store
with object_store(address(sys.argv[1])).lock(60.0):
    with open(sys.argv[2], "x"):
        time.sleep(0.3)
    import os; os.unlink(sys.argv[2])
"""
    arguments = [sys.executable, "-c", script, str(bucket_files.address), str(tmp_path / "inside")]
    processes = [subprocess.Popen(arguments) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
