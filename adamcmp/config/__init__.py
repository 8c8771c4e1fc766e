"""From the words of a command line and yaml files to frozen, validated dataclasses."""

from adamcmp.config.choices import choices
from adamcmp.config.compose import Composer, part_defaults
from adamcmp.config.grid import Axis, SearchRange, Space, short, study_name
from adamcmp.config.overrides import SHORT, typed
from adamcmp.config.search_space import SearchCell, SearchSpace, Setting
from adamcmp.config.settings import (
    GROUPS,
    ROOMS,
    Eval,
    Execution,
    Numerics,
    Place,
    Protocol,
    RunConfig,
    Search,
    StudyConfig,
    build_part,
    build_run,
    setting_types,
)
from adamcmp.config.study_files import Select, StudyFile, compose_study, read_study, study_files

__all__ = [
    "GROUPS",
    "ROOMS",
    "SHORT",
    "Axis",
    "Composer",
    "Eval",
    "Execution",
    "Numerics",
    "Place",
    "Protocol",
    "RunConfig",
    "Search",
    "SearchCell",
    "SearchRange",
    "SearchSpace",
    "Select",
    "Setting",
    "Space",
    "StudyConfig",
    "StudyFile",
    "build_part",
    "build_run",
    "choices",
    "compose_study",
    "part_defaults",
    "read_study",
    "setting_types",
    "short",
    "study_files",
    "study_name",
    "typed",
]
