"""Turn overrides and yaml files into frozen, validated dataclasses.

Only this package imports Hydra and OmegaConf. It exposes none of their objects except parsed
overrides. Names that need Hydra are imported when they are first used: reports start without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from adamcmp.components.engines import ENGINE_REVISIONS
from adamcmp.components.groups import COMPONENT_GROUPS, CONFIG_GROUPS
from adamcmp.config.columns import fraction_settings, setting_types
from adamcmp.config.numerics import Numerics
from adamcmp.config.protocol import Eval, Protocol
from adamcmp.config.run_config import RunConfig
from adamcmp.config.sections import build_component, build_run
from adamcmp.config.study_config import Execution, ResultsLocation, Search, StudyConfig

if TYPE_CHECKING:
    from adamcmp.config.built_in_values import component_defaults, optimizer_ranges
    from adamcmp.config.grid import Composer
    from adamcmp.config.keys import is_setting
    from adamcmp.config.naming import study_name
    from adamcmp.config.overrides import SHORT_KEYS
    from adamcmp.config.parameter_space import ParameterSpace, SearchRange
    from adamcmp.config.search_space import SearchBranch, SearchSpace, Setting
    from adamcmp.config.setting_choices import choices
    from adamcmp.config.study_file import Select, StudyFile, compose_study, read_study, study_files

#: Public name -> the module that defines it and needs Hydra. None has the name of a module, which
#: would hide it.
_MODULES = {
    "Composer": "grid",
    "ParameterSpace": "parameter_space",
    "SHORT_KEYS": "overrides",
    "SearchBranch": "search_space",
    "SearchRange": "parameter_space",
    "SearchSpace": "search_space",
    "Select": "study_file",
    "Setting": "search_space",
    "StudyFile": "study_file",
    "choices": "setting_choices",
    "component_defaults": "built_in_values",
    "compose_study": "study_file",
    "is_setting": "keys",
    "optimizer_ranges": "built_in_values",
    "read_study": "study_file",
    "study_files": "study_file",
    "study_name": "naming",
}

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
    "SearchBranch",
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
    "fraction_settings",
    "is_setting",
    "optimizer_ranges",
    "read_study",
    "setting_types",
    "study_files",
    "study_name",
]


def __getattr__(name: str) -> Any:
    """Import a public name that needs Hydra."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
