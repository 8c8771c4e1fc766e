"""Values and recommended ranges of built-in yaml files."""

import pytest

from adamcmp.config import component_defaults, optimizer_ranges
from adamcmp.errors import ConfigError


def test_defaults_are_those_of_the_file_and_of_the_files_in_its_defaults_list():
    values = component_defaults("optimizer", "adamw")
    assert values["rule"] == "adam"
    assert values["coupling"] == "decoupled"
    assert values["lr"] == 0.001  # not the lr of a dataset
    assert "search" not in values


def test_ranges_are_those_of_the_file():
    assert optimizer_ranges("lion").keys() == {"lr", "weight_decay", "source"}
    assert optimizer_ranges("torch") == {}


@pytest.mark.parametrize(
    "function", [lambda n: component_defaults("optimizer", n), optimizer_ranges]
)
def test_a_file_that_does_not_exist(function):
    with pytest.raises(
        ConfigError, match=r"optimizer=adan_w: there is no such optimizer\. Did you"
    ):
        function("adan_w")
