"""Files in a bucket, on a local S3 server with faults."""

import re
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adamcmp.platform.addresses import address
from adamcmp.storage import buckets, object_store
from adamcmp.storage.buckets import BucketError, BucketUnavailable
from tests.support.file_operations import (
    OPERATIONS,
    check_listings,
    expected_outcome,
    outcome,
)
from tests.support.s3_server import BUCKET, DENIED, INTERNAL, SLOW_DOWN, Fault

CLOSED = None
#: Faults of single requests, as many as are repeated.
FAULTS = st.lists(
    st.builds(
        Fault,
        st.sampled_from(["PUT", "GET", "POST"]),
        st.just("studies|delete|^/"),
        st.sampled_from([INTERNAL, SLOW_DOWN, CLOSED]),
        after=st.booleans(),
    ),
    max_size=2,
)


@pytest.fixture
def created(bucket_files):
    """A study in a bucket with the file ``runs/a``."""
    bucket_files.create("runs/a", b"1")
    return bucket_files


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(object_store, "WAITS", (0.0, 0.0))


@pytest.mark.parametrize("answer", [SLOW_DOWN, INTERNAL])
@pytest.mark.parametrize(("method", "after"), [("GET", False), ("PUT", False), ("PUT", True)])
def test_server_errors_are_repeated(created, s3, answer, method, after):
    s3.faults = [Fault(method, "runs/", answer, times=20, after=after)]
    created.create("runs/b", b"2")
    assert created.read("runs/b") == b"2"
    created.replace("runs/b", b"3")
    assert created.read("runs/b") == b"3"
    assert s3.faults[0].times == 0


@pytest.mark.parametrize("answer", [INTERNAL, CLOSED])
def test_a_create_whose_answer_is_lost_is_no_conflict(created, s3, answer):
    s3.faults = [Fault("PUT", "runs/b", answer, after=True)]
    created.create("runs/b", b"2")
    assert created.read("runs/b") == b"2"


@pytest.mark.parametrize("answer", [INTERNAL, CLOSED])
def test_a_conflict_is_a_conflict_even_if_its_answer_is_lost(created, s3, answer):
    s3.faults = [Fault("PUT", "runs/a", answer, after=True)]
    with pytest.raises(FileExistsError):
        created.create("runs/a", b"1")  # the same content: it is not that of this write


def test_a_conditional_write_whose_answer_is_lost_is_recognized(created, s3):
    _, tag = created.read_tagged("runs/a")
    s3.faults = [Fault("PUT", "runs/a", CLOSED, after=True)]
    written = created.write_if("runs/a", b"2", tag)
    assert created.read_tagged("runs/a") == (b"2", written)
    with pytest.raises(FileExistsError):
        created.write_if("runs/a", b"3", tag)


def test_a_request_that_gets_no_answer_is_repeated(s3, monkeypatch):
    monkeypatch.setattr(buckets, "CLIENT_OPTIONS", {"timeout": timedelta(seconds=0.3)})
    files = object_store.object_store(address(f"s3://{BUCKET}/studies/s"))
    s3.faults = [Fault(method, "runs/b", delay=1.0) for method in ("PUT", "GET")]
    files.create("runs/b", b"2")
    assert files.read("runs/b") == b"2"


def test_a_create_that_fails_until_the_end_is_an_error(created, s3):
    s3.faults = [Fault("PUT", "runs/b", INTERNAL, times=1_000)]
    with pytest.raises(
        BucketUnavailable, match=r"gives no usable answer .status code: 500 Internal"
    ):
        created.create("runs/b", b"2")
    assert list(created.list("runs/")) == ["runs/a"]


def test_denied_requests_are_not_repeated(created, s3):
    s3.faults = [Fault("PUT", "runs/b", DENIED, times=10)]
    with pytest.raises(BucketError, match="access is denied") as error:
        created.create("runs/b", b"2")
    assert s3.faults[0].times == 9 and "\n" not in str(error.value)


def test_parts_are_read_once(created, s3):
    part = "runs/00000000000000000001-0123456789ab-0123456789ab.parquet"
    created.create(part, b"content")
    s3.requests.clear()
    assert created.read(part) == created.read(part) == b"content"
    assert [method for method, _ in s3.requests] == ["GET"]


def test_the_cache_of_parts_is_bounded():
    cache = object_store._Cache(10)
    for name in "abc":
        cache.put(name, b"1234")
    assert cache.get("a") is None and cache.get("b") == cache.get("c") == b"1234"


def test_results_of_concurrent_reads_keep_their_order(created):
    names = [f"looks/{number:02d}" for number in range(20)]
    created.concurrently(lambda name: created.create(name, name.encode()), names)
    assert created.concurrently(created.read, names) == [name.encode() for name in names]
    assert list(created.list("looks/")) == names


def test_one_of_several_processes_creates_a_file(created):
    def creates(number):
        try:
            created.create("queue/lease", str(number).encode())
        except FileExistsError:
            return None
        return number

    (winner,) = filter(None, created.concurrently(creates, range(1, 9)))
    assert created.read("queue/lease") == str(winner).encode()


@pytest.mark.slow
def test_a_listing_of_more_objects_than_an_answer_has_is_complete(created):
    names = {f"queue/{number:04d}" for number in range(1_100)}
    created.concurrently(lambda name: created.create(name, b""), names)
    assert set(created.list("queue/")) == names


def test_large_objects_are_written_in_pieces(created, s3, monkeypatch):
    monkeypatch.setattr(object_store, "CHUNK_BYTES", 5 << 20)
    content = bytes(11 << 20)
    s3.requests.clear()
    created.replace("checkpoints/large.npz", content)
    assert sum(bool(re.search("partNumber=", path)) for _, path in s3.requests) == 3
    assert created.read("checkpoints/large.npz") == content


def test_a_listing_names_what_is_below_a_folder_only(created, s3):
    other = object_store.ObjectStore(
        created.address.parent / "s2", buckets.open_bucket(created.address)
    )
    other.create("runs/b", b"")
    assert set(created.list("runs/")) == {"runs/a"}
    assert set(object_store.object_store(created.address.parent).folders()) == {"s", "s2"}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, faults=st.lists(FAULTS, min_size=8, max_size=8))
def test_faults_change_the_outcome_of_no_operation(bucket_files, s3, operations, faults):
    s3.faults, contents = [], {}
    for prefix in ("", *(f"{folder}/" for folder in bucket_files.folders())):
        for name in bucket_files.list(prefix):
            bucket_files.delete(name)
    for operation, of_operation in zip(operations, faults, strict=False):
        s3.faults = of_operation
        assert outcome(bucket_files, *operation) == expected_outcome(contents, *operation)
    s3.faults = []
    check_listings(bucket_files, contents)
