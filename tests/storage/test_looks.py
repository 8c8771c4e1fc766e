"""The record of looks in a study's folder."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.errors import StoreError
from adamcmp.storage.looks import Look, LookRecord, add_looks, look_record, seeds_text
from tests.support.imports import imported_study

FIRST = Look("mnist1d, mlp", "test_error", "AdamW", "SGD", 5, "0-4")


@given(st.sets(st.integers(-20, 20)))
def test_seeds_are_read_as_they_were_written(seeds):
    assert FIRST._replace(seeds=seeds_text(seeds)).seed_set == seeds


def test_looks_are_read_as_they_were_added(store, files):
    later = [FIRST._replace(n=10, seeds="0-9"), FIRST._replace(problem="größe, mlp")]
    assert look_record([files], [0]) == LookRecord()
    assert add_looks(files, [FIRST]) == add_looks(files, []) == add_looks(files, later) == ""
    assert len(files.list("looks/")) == 2
    looks = look_record([files], [0]).looks
    assert [look._replace(at="") for look in looks] == [FIRST, *later]
    assert all(look.at.startswith("20") for look in looks)


def test_processes_that_record_at_once_lose_nothing(results):
    study = imported_study(results / "s")
    looks = [FIRST._replace(n=n, seeds=seeds_text(range(n))) for n in range(2, 42)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda look: add_looks(study, [look]), looks)) == {""}
    assert {look._replace(at="") for look in look_record([study], [3]).looks} == set(looks)


def test_a_comparison_is_the_same_whichever_arm_is_first():
    exchanged = FIRST._replace(a="SGD", b="AdamW", n=10, seeds="0-9")
    record = LookRecord((FIRST, exchanged, FIRST, FIRST._replace(metric="test_loss")))
    assert record.earlier_seeds(FIRST) == [set(range(5)), set(range(10))]
    others = [FIRST._replace(seeds="5-9"), FIRST._replace(problem="spirals, mlp")]
    assert record.unrecorded([FIRST, *others, exchanged]) == others


def test_a_look_while_runs_are_missing_is_not_recorded():
    assert LookRecord(missing_runs=1).unrecorded([FIRST]) == []


def test_a_folder_that_cannot_be_written(results):
    study = imported_study(results / "s")
    (study / "looks").write_text("a file in place of the folder")
    assert add_looks(study, [FIRST]).startswith(f"This look cannot be recorded in {study}/looks")


@pytest.mark.parametrize("content", [b"{", b'{"problem": "p"}', b"\xff"])
def test_a_damaged_record(store, files, content):
    files.replace("looks/1.jsonl", content)
    with pytest.raises(StoreError, match=r"looks/1\.jsonl is damaged"):
        look_record([files], [0])
