"""The examples in docstrings."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import adamcmp
from adamcmp import analysis, plots
from adamcmp.components import transformations
from adamcmp.config import sweep_functions

MODULES = [
    "adamcmp",
    *(module.name for module in pkgutil.walk_packages(adamcmp.__path__, "adamcmp.")),
]


def public_functions(module):
    """Return the functions of `__all__`; without it, the public functions of the module itself."""
    own = [name for name, value in vars(module).items() if _is_own(value, module, name)]
    public = (getattr(module, name) for name in getattr(module, "__all__", own))
    return [value for value in public if inspect.isfunction(value)]


def _is_own(value, module, name):
    defined_in = getattr(value, "__module__", None)
    return defined_in == module.__name__ and not name.startswith("_")


#: What users call or write in an override, and what the rules of optimizers are composed of.
FUNCTIONS = [
    function
    for module in (adamcmp, analysis, plots, transformations, sweep_functions)
    for function in public_functions(module)
]
#: Modules of classes, at least one of which has an example.
CLASSES = [
    *("adamcmp.analysis.run_table", "adamcmp.analysis.estimates"),
    *(m for m in MODULES if m.startswith("adamcmp.components.schedules.")),
    *(m for m in MODULES if m.startswith("adamcmp.components.losses.")),
]


@pytest.mark.parametrize(
    "name",
    # The examples of adamcmp.api train studies.
    [pytest.param(m, marks=[pytest.mark.slow] * (m == "adamcmp.api")) for m in MODULES],
)
def test_examples(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_a_function_has_an_example(function):
    assert ">>>" in function.__doc__


@pytest.mark.parametrize("name", CLASSES)
def test_a_module_has_an_example(name):
    tests = doctest.DocTestFinder().find(importlib.import_module(name))
    assert any(test.examples for test in tests)
