"""Fixtures: studies without runs, on disk, in memory and in a bucket."""

import pytest

from adamcmp.platform.addresses import address
from adamcmp.storage.folder import Folder
from adamcmp.storage.object_store import ObjectStore, object_store
from adamcmp.storage.store import Store
from tests.conftest import CPU
from tests.support.memory_files import MemoryFiles
from tests.support.s3_server import BUCKET


@pytest.fixture
def bucket_files(s3):
    """The files of a study in a bucket that does not exist yet."""
    return object_store(address(f"s3://{BUCKET}/studies/s"))


@pytest.fixture(params=[Folder, MemoryFiles, pytest.param(ObjectStore, marks=pytest.mark.slow)])
def files(request, results):
    """The files of a study that does not exist yet, in each implementation."""
    if request.param is ObjectStore:
        return request.getfixturevalue("bucket_files")
    return request.param(results / "s")


@pytest.fixture
def store(files):
    """A new study."""
    store = Store(files)
    store.open_for_training(CPU, [], {})
    return store
