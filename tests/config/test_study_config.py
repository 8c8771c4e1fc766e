"""Settings that the runs of a study share, and combinations of them that are rejected."""

from pathlib import Path

import pytest

from adamcmp.components.validation import build
from adamcmp.config import Execution, ResultsLocation, Search
from adamcmp.errors import ConfigError


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        (Execution, {"checkpoint_every": 0.0}, "checkpoint_every=0.0: should be greater than 0"),
        (Search, {"sampler": "tpe"}, "a search needs both sampler="),
        (Search, {"n": 5}, "a search needs both sampler="),
        (Search, {"batch": 5}, "batch= is for a search"),
        (Search, {"objective": "val_loss"}, "objective= is for a search"),
        (ResultsLocation, {"study": "s", "results": " "}, "should be the path of a folder"),
    ],
)
def test_invalid_settings(section, values, message):
    with pytest.raises(ConfigError) as error:
        build(section, values, "")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "values", [{"executor": "serial", "workers": 0}, {"workers": 0}, {"executor": "pool"}]
)
def test_valid_executions(values):
    assert build(Execution, values, "").model_fields_set == values.keys()


@pytest.mark.parametrize("name", ["s", "0", "a.b_c-D", "x" * 64])
def test_names_of_studies(name):
    assert ResultsLocation(study=name, results="~/r").folder == Path.home() / "r" / name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "-x", "é", "x" * 65, "a b"])
def test_names_that_are_no_plain_folder(name):
    with pytest.raises(ConfigError, match="should be a plain folder name"):
        build(ResultsLocation, {"study": name, "results": "r"}, "")
