"""The exception tree, and suggestions for mistyped names."""

import pytest

from adamcmp import errors
from adamcmp.errors import nearest


def test_the_exception_tree_is_in_one_docstring():
    tree = errors.__doc__
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, errors.AdamcmpError):
            assert value.__name__ in tree
            assert value.exit_code in (1, 2)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("adamv", " Did you mean 'adamw'?"),
        ("ADAMW", " Did you mean 'adamw'?"),
        ("sgd", " Did you mean 'SGD'?"),
        ("gpu", " Did you mean 'cuda'?"),
        ("x", ""),
    ],
)
def test_the_nearest_name_is_suggested(name, suggestion):
    assert nearest(name, ["adamw", "SGD", "cuda"]) == suggestion


def test_the_first_of_names_that_differ_in_case_is_suggested():
    assert nearest("adamw", ["AdamW", "ADAMW"]) == " Did you mean 'AdamW'?"
