"""The studies of a report, and its tables as text."""

import os

import pandas as pd
import pytest

from adamcmp.errors import NotFound, StoreError
from adamcmp.reporting import compute_answer
from adamcmp.workflows.report import (
    RETRY_EVERY,
    format_tables,
    study_folders,
    wait_for_studies,
    write_text,
)
from tests.support.imports import imported_study


def test_the_latest_study_is_the_default(results):
    old, new = (imported_study(results / name) for name in ("old", "new"))
    for folder, seconds in ((old, 1), (new, 2)):
        for path in (folder, *folder.rglob("*")):
            os.utime(path, (seconds, seconds))
    assert study_folders(results, []) == [new]
    assert study_folders(results, ["old", "new", "old"]) == [old, new]
    with pytest.raises(NotFound, match="no study 'nope'"):
        study_folders(results, ["old", "nope"])
    (results / "old" / "study.yaml").unlink()
    with pytest.raises(NotFound, match=r"old is not a study: it has no study\.yaml"):
        study_folders(results, ["old"])


def test_waits_until_a_study_exists(results):
    notices, pauses = [], []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            imported_study(results / "later")

    folders = wait_for_studies(results, ["later"], 60, notices.append, sleep)
    assert folders == [results / "later"] and pauses == [RETRY_EVERY] * 2
    assert len(notices) == 1 and notices[0].endswith("Waiting 60 s for it.")


def test_a_study_that_does_not_appear(results):
    with pytest.raises(NotFound, match="There are no studies"):
        wait_for_studies(results, ["never"], 0, lambda notice: None)


def test_formats(results, tmp_path, quick_reports):
    answer = compute_answer([imported_study(results / "s")])
    assert format_tables(answer, "md").count("## ") == len(answer.tables)
    write_text(tmp_path / "t.csv", format_tables(answer, "csv"))
    written = pd.read_csv(tmp_path / "t.csv")
    assert written["optimizer"].tolist() == answer.summary.data["optimizer"].tolist()
    assert r"\toprule" in format_tables(answer, "latex")


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        write_text(tmp_path / "nowhere" / "t.csv", "")
