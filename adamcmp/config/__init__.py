"""From the words of a command line and yaml files to frozen, validated dataclasses."""

from adamcmp.config.compose import SHORT, Composer, part_defaults
from adamcmp.config.settings import (
    ROOMS,
    Eval,
    Numerics,
    Place,
    Protocol,
    RunConfig,
    StudyConfig,
    build_part,
    build_run,
    setting_types,
)

__all__ = [
    "ROOMS",
    "SHORT",
    "Composer",
    "Eval",
    "Numerics",
    "Place",
    "Protocol",
    "RunConfig",
    "StudyConfig",
    "build_part",
    "build_run",
    "part_defaults",
    "setting_types",
]
