"""Turn overrides and yaml files into frozen, validated dataclasses.

Only this package imports Hydra and OmegaConf. It exposes none of their objects except parsed
overrides.
"""

from adamcmp.components.engines import ENGINE_REVISIONS
from adamcmp.components.groups import COMPONENT_GROUPS, CONFIG_GROUPS
from adamcmp.config.choices import choices
from adamcmp.config.columns import setting_types
from adamcmp.config.compose import component_defaults
from adamcmp.config.grid import Composer
from adamcmp.config.numerics import Numerics
from adamcmp.config.overrides import SHORT_KEYS
from adamcmp.config.parameter_space import ParameterSpace, SearchRange
from adamcmp.config.protocol import Eval, Protocol
from adamcmp.config.run_config import RunConfig
from adamcmp.config.search_space import SearchCell, SearchSpace, Setting
from adamcmp.config.sections import build_component, build_run
from adamcmp.config.study_config import Execution, ResultsLocation, Search, StudyConfig
from adamcmp.config.study_files import Select, StudyFile, compose_study, read_study, study_files
from adamcmp.config.study_name import study_name

__all__ = [
    "COMPONENT_GROUPS",
    "CONFIG_GROUPS",
    "ENGINE_REVISIONS",
    "SHORT_KEYS",
    "Composer",
    "Eval",
    "Execution",
    "Numerics",
    "ParameterSpace",
    "Protocol",
    "ResultsLocation",
    "RunConfig",
    "Search",
    "SearchCell",
    "SearchRange",
    "SearchSpace",
    "Select",
    "Setting",
    "StudyConfig",
    "StudyFile",
    "build_component",
    "build_run",
    "choices",
    "component_defaults",
    "compose_study",
    "read_study",
    "setting_types",
    "study_files",
    "study_name",
]
