"""From the words of a command line and yaml files to frozen, validated dataclasses."""

from adamcmp.config.compose import Composer, part_defaults
from adamcmp.config.grid import Axis, Space, study_name
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
from adamcmp.config.words import SHORT

__all__ = [
    "ROOMS",
    "SHORT",
    "Axis",
    "Composer",
    "Eval",
    "Numerics",
    "Place",
    "Protocol",
    "RunConfig",
    "Space",
    "StudyConfig",
    "build_part",
    "build_run",
    "part_defaults",
    "setting_types",
    "study_name",
]
