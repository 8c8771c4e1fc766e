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
#: What users read or write: schedules, losses, transformations, sweep functions.
WITH_EXAMPLES = [
    name
    for name in MODULES
    if name.startswith(("adamcmp.components.schedules.", "adamcmp.components.losses."))
] + ["adamcmp.components.transformations", "adamcmp.config.sweep_functions"]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_has_examples(name):
    tests = doctest.DocTestFinder().find(importlib.import_module(name))
    assert any(test.examples for test in tests)
