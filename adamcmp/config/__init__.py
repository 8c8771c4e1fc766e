"""From the words of a command line and yaml files to frozen, validated dataclasses."""

from adamcmp.config.compose import SHORT, Composer, part_defaults
from adamcmp.config.settings import (
    ROOMS,
    Eval,
    Execution,
    Numerics,
    Place,
    Protocol,
    RunConfig,
    StudyConfig,
    build_part,
    build_run,
    setting_types,
)
from adamcmp.config.studies import Select, StudyFile, compose_study, read_study, study_files

__all__ = [
    "ROOMS",
    "SHORT",
    "Composer",
    "Eval",
    "Execution",
    "Numerics",
    "Place",
    "Protocol",
    "RunConfig",
    "Select",
    "StudyConfig",
    "StudyFile",
    "build_part",
    "build_run",
    "compose_study",
    "part_defaults",
    "read_study",
    "setting_types",
    "study_files",
]
