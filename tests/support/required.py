"""Programs that tests need: a test that cannot run is skipped, but fails in CI."""

import os

import pytest


def require(available: bool, reason: str) -> None:
    """Skip the test with a reason, or fail it in CI, if what it needs is not available.

    CI sets the environment variable ``CI``.
    """
    if available:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{reason} CI must not skip tests.")
    pytest.skip(reason)
