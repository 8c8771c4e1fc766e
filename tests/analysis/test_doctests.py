"""The examples in docstrings of `adamcmp.analysis`."""

import doctest
import importlib
import pkgutil

import pytest

from adamcmp import analysis

MODULES = [
    module.name for module in pkgutil.walk_packages(analysis.__path__, f"{analysis.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_functions_that_users_call_have_examples():
    modules = ("run_table", "compare", "filters", "measures.separability", "estimates")
    for name in modules:
        module = importlib.import_module(f"adamcmp.analysis.{name}")
        assert doctest.testmod(module).attempted > 0, name
