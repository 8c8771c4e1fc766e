"""Fixtures: studies without runs, on disk and in memory."""

import pytest

from adamcmp.storage.folder import Folder
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.memory_files import MemoryFiles


@pytest.fixture(params=[Folder, MemoryFiles])
def files(request, results):
    """The files of a study that does not exist yet, in each implementation."""
    return request.param(results / "s")


@pytest.fixture
def store(files):
    """A new study."""
    store = Store(files)
    store.open_for_training(CPU, [], {})
    return store
