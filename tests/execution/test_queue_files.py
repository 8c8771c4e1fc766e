"""Names of the queue's files, one listing, leases that a single process creates."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adamcmp.errors import StoreError
from adamcmp.execution import queue_files
from adamcmp.execution.queue_files import (
    QUEUE,
    Share,
    create_lease,
    done_file,
    jobs_file,
    lease_file,
    lease_holder,
    list_queue,
    plan_file,
    remove_plan,
    worker_file,
)
from adamcmp.storage.folder import Folder
from tests.support.memory_files import MemoryFiles

PLANS = st.integers(1, 10**8)
SHARES = st.builds(Share, PLANS, st.integers(0, 10**6))
WORKERS = st.text("abcxyzABC019.-_", min_size=1)


@pytest.fixture(params=["memory", "folder"])
def files(request, tmp_path):
    return MemoryFiles(tmp_path / "s") if request.param == "memory" else Folder(tmp_path)


@settings(max_examples=50)
@given(
    plans=st.sets(PLANS),
    leases=st.dictionaries(SHARES, st.sets(st.integers(1, 10**6), min_size=1)),
    done=st.sets(SHARES),
    workers=st.sets(WORKERS),
    jobs=st.sets(PLANS),
)
def test_a_listing_tells_what_was_created(plans, leases, done, workers, jobs, tmp_path_factory):
    files = MemoryFiles(tmp_path_factory.getbasetemp())
    names = [
        *(plan_file(plan) for plan in plans),
        *(lease_file(share, number) for share, numbers in leases.items() for number in numbers),
        *(done_file(share) for share in done),
        *(worker_file(worker) for worker in workers),
        *(jobs_file(plan) for plan in jobs),
    ]
    assert len({*names}) == len(names)
    for name in names:
        files.create(name, b"")
    state = list_queue(files)
    assert state.plans == sorted(plans) and state.done == done
    assert state.leases == {share: max(numbers) for share, numbers in leases.items()}
    assert state.workers == {each: files.list(QUEUE)[worker_file(each)] for each in workers}


def test_other_files_are_ignored(files):
    for name in ("plan-1.parquet.old", "plan-x.parquet", "lease-1-2.json", "worker-.json", "notes"):
        files.create(QUEUE + name, b"")
    state = list_queue(files)
    assert not (state.plans or state.leases or state.done or state.workers)
    assert not list_queue(Folder(files.path / "no study")).plans


def test_one_of_several_processes_creates_a_lease(tmp_path):
    """Each of them sees the name of the one that did."""
    files, workers = Folder(tmp_path), [f"worker{number}" for number in range(8)]
    with ThreadPoolExecutor(len(workers)) as threads:
        for number in range(1, 6):
            create = partial(create_lease, files, Share(1, 0), number)
            created = [*threads.map(create, workers)]
            assert sum(created) == 1
            assert lease_holder(files, Share(1, 0), number) == workers[created.index(True)]
    assert list_queue(files).leases == {Share(1, 0): 5}
    assert not list((tmp_path / "queue").glob(".*"))


@pytest.mark.parametrize(
    "content", [b"", b'{"worker":', b"{}", b"[]", b'{"worker": ["w"]}', b"\xff", b"[" * 9999]
)
def test_a_damaged_lease(files, content):
    name = lease_file(Share(1, 0), 1)
    files.create(name, content)
    with pytest.raises(StoreError, match=f"{name} is damaged .*Delete it") as error:
        lease_holder(files, Share(1, 0), 1)
    assert len(str(error.value).splitlines()) == 1


def test_the_holder_of_a_removed_lease(files):
    assert lease_holder(files, Share(1, 0), 1) is None


@pytest.mark.parametrize("number", [1, 11, 999])
def test_a_plan_is_removed_with_its_leases_only(files, number):
    kept, removed = [], []
    for plan in (1, 11, 111, 999):
        created = [
            *(plan_file(plan), jobs_file(plan), done_file(Share(plan, 1))),
            *(lease_file(Share(plan, share), 1) for share in (1, 11, 999)),
        ]
        (removed if plan == number else kept).extend(created)
    kept += [worker_file("host-1-0"), worker_file("host-11-999")]
    for name in (*removed, *kept):
        files.create(name, b"")
    remove_plan(files, number)
    assert {*files.list(QUEUE)} == {*kept}
    remove_plan(files, number)  # by another process, at the same moment


def test_the_plan_is_removed_before_its_leases(files, monkeypatch):
    """A process that is killed in between leaves no plan whose leases look free."""
    deleted = []
    delete = type(files).delete
    monkeypatch.setattr(
        type(files), "delete", lambda self, name: deleted.append(name) or delete(self, name)
    )
    for name in (lease_file(Share(1, 0), 1), done_file(Share(1, 0)), plan_file(1)):
        files.create(name, b"")
    remove_plan(files, 1)
    assert deleted[0] == plan_file(1) and len(deleted) == 3


def test_the_time_of_a_listing_precedes_it(files, monkeypatch):
    events = []
    lists = type(files).list
    monkeypatch.setattr(queue_files.time, "monotonic", lambda: events.append("clock") or 1.0)
    monkeypatch.setattr(
        type(files), "list", lambda self, prefix: events.append("list") or lists(self, prefix)
    )
    assert list_queue(files).listed == 1.0 and events == ["clock", "list"]
