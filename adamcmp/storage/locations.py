"""Where the files of a study are: in a folder, or in a bucket."""

from __future__ import annotations

from adamcmp.platform.addresses import Address, ObjectUrl
from adamcmp.storage.files import Files
from adamcmp.storage.folder import Folder
from adamcmp.storage.object_store import object_store

#: Where files are: a folder on disk, a URL, or another implementation of `Files`.
Location = Address | Files


def files_at(location: Location) -> Files:
    """Return the files at a location; the only place that selects an implementation.

    Raises:
        ConfigError: If the location is a URL and the bucket cannot be used.
    """
    if isinstance(location, Files):
        return location
    return object_store(location) if isinstance(location, ObjectUrl) else Folder(location)
