"""Comparisons of both forms as rows and pictures."""

from dataclasses import replace

import pytest

from adamcmp.errors import ConfigError, StoreError
from adamcmp.experiments.claims import CLAIMS
from adamcmp.workflows.equivalence import (
    Equivalence,
    check_claims,
    form_row,
    output_folder,
    train_forms,
    write_pictures,
)

SMALL = ("dataset=teacher", "model=logistic", "steps=3", "batch_size=8")


@pytest.fixture(scope="module")
def results():
    return list(train_forms(["sgd:momentum=0", "lion", *SMALL]))


def test_rows(results):
    sgd, lion = map(form_row, results)
    assert (sgd["optimizer"], sgd["gain"], sgd["is_rounding"]) == ("sgd:momentum=0", 1.0, True)
    assert (lion["gain"], lion["is_rounding"], lion["wd_decoupled"]) == (None, False, 0.01)
    assert sgd["steps"] == [1, 2, 3] and len(sgd["distance"]) == len(sgd["share"]) == 3


def test_files(results, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="Cannot write to"):
        write_pictures(results, tmp_path / "file" / "folder")
    with pytest.raises(ConfigError, match="is a file"):
        output_folder(str(tmp_path / "file"))


def test_all_arguments_are_checked_before_training():
    with pytest.raises(ConfigError, match="no such optimizer"):
        next(train_forms(["sgd", "admw"]))


def test_claims():
    claims = [next(claim for claim in CLAIMS if claim.is_true is truth) for truth in (True, False)]
    assert [claim.holds for claim in check_claims(claims)] == [True, True]
    wrong = replace(claims[1], is_true=True)
    assert not next(check_claims([wrong])).holds


def test_tables(results):
    result = Equivalence(tuple(results))
    assert result.table["optimizer"].tolist() == ["sgd:momentum=0", "lion"]
    distances = result.distances
    assert list(distances) == ["optimizer", "step", "distance", "share"]
    assert distances.groupby("optimizer")["step"].apply(list).tolist() == [[1, 2, 3]] * 2
    assert list(result.figures()) == ["distances", "decay"]
