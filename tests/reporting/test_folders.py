"""Folders of reports."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from adamcmp.reporting.folders import report_folder

STUDY = Path("results") / "first"
WHOLE = report_folder([STUDY])


def test_one_condition_is_the_name():
    assert report_folder([STUDY], ["optimizer=adamw"]) == WHOLE / "optimizer=adamw"


conditions = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))


@given(conditions)
def test_any_conditions_name_one_folder_in_that_of_all_runs(texts):
    folder = report_folder([STUDY], texts)
    assert folder == report_folder([STUDY], texts[::-1])
    if texts:
        assert folder.parent == WHOLE and not folder.name.startswith(".")
        assert len(folder.name.encode()) <= 255


@given(conditions, conditions)
def test_other_conditions_have_another_folder(some, others):
    is_same = ",".join(sorted(some)) == ",".join(sorted(others))
    assert (report_folder([STUDY], some) == report_folder([STUDY], others)) == is_same
