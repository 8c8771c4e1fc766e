"""Programs that tests need: a test that cannot run is skipped, but fails in CI."""

import os
from importlib.util import find_spec

import pytest


def require(available: bool, reason: str) -> None:
    """Skip the test with a reason, or fail it in CI, if what it needs is not available.

    CI sets the environment variable ``CI``.
    """
    if available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{reason} CI must not skip tests.")
    pytest.skip(reason, allow_module_level=True)


def require_package(name: str) -> None:
    """Require an installed package, by the name of its module; see `require`."""
    require(find_spec(name) is not None, f"The package {name} is not installed.")
