"""The examples in docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import adamcmp.training
from adamcmp.training import torch_optimizer

MODULES = [
    module.name for module in pkgutil.walk_packages(adamcmp.training.__path__, "adamcmp.training.")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert not doctest.testmod(importlib.import_module(name)).failed


def test_what_users_call_has_examples():
    tests = doctest.DocTestFinder().find(torch_optimizer)
    with_examples = {test.name.rpartition(".")[2] for test in tests if test.examples}
    assert "torch_optimizer" in with_examples
