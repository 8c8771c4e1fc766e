"""The examples in docstrings."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import adamcmp
from adamcmp import analysis

MODULES = [
    "adamcmp",
    *(module.name for module in pkgutil.walk_packages(adamcmp.__path__, "adamcmp.")),
]
#: What users call, read or write: functions, schedules, losses, transformations, sweep functions.
WITH_EXAMPLES = [
    name
    for name in MODULES
    if name.startswith(("adamcmp.components.schedules.", "adamcmp.components.losses."))
] + [
    # The modules from which `adamcmp.analysis` exports functions.
    *sorted(
        {
            function.__module__
            for function in map(vars(analysis).get, analysis.__all__)
            if inspect.isfunction(function)
        }
    ),
    *("adamcmp.analysis.run_table", "adamcmp.analysis.estimates"),
    *("adamcmp.api", "adamcmp.components.transformations", "adamcmp.config.sweep_functions"),
    "adamcmp.training.torch_optimizer",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_has_examples(name):
    tests = doctest.DocTestFinder().find(importlib.import_module(name))
    assert any(test.examples for test in tests)
