"""Study s, its files, and configurations of its runs."""

import pytest

from adamcmp.storage.folder import Folder
from tests.support.standing_plans import GRID


@pytest.fixture
def files(results):
    return Folder(results / "s")


@pytest.fixture
def sweep(composer):
    """Configure runs of study s."""
    return lambda *overrides: composer.sweep([*GRID, *overrides])
