"""The examples in docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import adamcmp.components
import adamcmp.config

MODULES = [
    module.name
    for package in (adamcmp.components, adamcmp.config)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    results = doctest.testmod(importlib.import_module(name))
    assert not results.failed


def test_what_users_write_has_examples():
    """Transformations, schedules, losses and sweep functions."""
    names = ["components.transformations", "config.sweep_functions", "config.overrides"]
    names += [f"components.{package}._base" for package in ("schedules", "losses")]
    for name in names:
        module = importlib.import_module(f"adamcmp.{name}")
        assert any(test.examples for test in doctest.DocTestFinder().find(module)), name
