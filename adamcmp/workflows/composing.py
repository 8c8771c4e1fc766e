"""Compose commands that train: an existing study keeps the defaults that it was created with."""

from __future__ import annotations

from adamcmp.config import Composer
from adamcmp.storage.metadata import defaults_version


def study_composer(config_dir: str | None = None) -> Composer:
    """Return a composer that looks up the defaults of existing studies.

    Args:
        config_dir: A folder of the user's yaml files.

    Raises:
        ConfigError: If it is not a folder, or a file in it has the name of a built-in file.
    """
    return Composer(config_dir, begun_with=defaults_version)
