"""From overrides to validated configs: Hydra composes, `adamcmp.config.sections` validates.

Hydra composes once per choice of config groups. Value overrides are then applied to a copy by
Hydra's own code. Plain values of a grid are set in the plain values (see `grid_runs`).
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.config import _hydra
from adamcmp.config.grid_runs import GridRuns, keys_overlap, replaces_plain_value, sets_plain_value
from adamcmp.config.keys import check_key
from adamcmp.config.overrides import Grammar, with_typed_key
from adamcmp.config.parameter_space import Axis, ParameterSpace
from adamcmp.config.parsing import is_multirun, parse_space
from adamcmp.config.sections import TOP_LEVEL_SECTIONS, ComposedRun
from adamcmp.config.study_config import StudyConfig
from adamcmp.config.study_name import study_name
from adamcmp.config.sweep_functions import MAX_RUNS
from adamcmp.errors import ConfigError, nearest

_CONFIGS = Path(str(files("adamcmp.configs")))
#: The key of a setting, though the config folders also have a subfolder of that name.
_STUDY = "study"
#: References to the environment do not depend on other settings.
_ENVIRONMENT = re.compile(r"\$\{oc\.env:[^${}]*\}")


class Composer:
    """Composes configs from overrides.

    Args:
        config_dir: A folder of the user's yaml files, with a subfolder per config group. It is
            searched besides adamcmp's own.

    Raises:
        ConfigError: When `config_dir` does not exist, or a file in it has the name of one of
            adamcmp's own.
    """

    def __init__(self, config_dir: str | None = None) -> None:
        self._flags = () if config_dir is None else ("--config-dir", config_dir)
        folder = None if config_dir is None else _checked_folder(config_dir)
        self._hydra = _hydra.create_hydra("adamcmp.configs", folder)
        self._grammar = Grammar(self.loader)
        self._bases: dict[tuple[str, ...], DictConfig] = {}

    @property
    def loader(self) -> ConfigLoader:
        """Hydra's loader over all config folders."""
        return self._hydra.config_loader

    @cache  # noqa: B019 - a composer is used as long as the command runs
    def options(self, group: str) -> list[str]:
        """Return the names of a config group's options; empty for a key that is no group."""
        return sorted(self.loader.get_group_options(group, results_filter=ObjectType.CONFIG))

    def run(self, overrides: Iterable[str]) -> StudyConfig:
        """Return the study of one run.

        Raises:
            ConfigError: When an override is invalid, or asks for several runs.
        """
        overrides = _as_list(overrides)
        self.check_single_run(overrides)
        config = self.study(self.parse(overrides), overrides, "scratch")
        if config.search.sampler:
            raise ConfigError(
                f"sampler={config.search.sampler}: `run` trains one run. Search with `sweep`."
            )
        return config

    def check_single_run(self, overrides: Iterable[str]) -> None:
        """Check that overrides ask for one run.

        Raises:
            ConfigError: When one asks for several, naming it.
        """
        for override in overrides:
            if is_multirun(override, self._grammar):
                raise ConfigError(
                    f"{override}: `run` trains one run, and --cfg shows one. For several values "
                    f"use `adamcmp sweep` (or `adamcmp run -m`)."
                )

    def sweep(self, overrides: Iterable[str]) -> StudyConfig:
        """Return the study of a grid. Without ``study=`` its name is made of the overrides.

        Raises:
            ConfigError: When an override is invalid, or the grid is empty or too large.
        """
        overrides = _as_list(overrides)
        with _typed_keys_in_errors(overrides):
            space = self.parse(overrides)
            if space.intervals:
                raise ConfigError(
                    f"{space.intervals[0].input_line}: an interval has no list of values: it "
                    f"needs sampler=random|sobol|tpe|cmaes n=64."
                )
        if not len(space):
            raise ConfigError("These overrides span no run: a sweep in them has no values.")
        if len(space) > MAX_RUNS:
            raise ConfigError(
                f"These overrides span {len(space):,} runs; a study holds at most {MAX_RUNS:,}."
            )
        return self.study(space, overrides, study_name(space))

    def parse(self, overrides: Iterable[str]) -> ParameterSpace:
        """Return the parameter space that overrides span.

        Raises:
            ConfigError: When an override cannot be parsed.
        """
        return parse_space(_as_list(overrides), self._grammar)

    def parse_override(self, override: str) -> Override:
        """Parse one override.

        Raises:
            ConfigError: When it cannot be parsed.
        """
        return self._grammar.parse(override)

    def is_search(self, overrides: Iterable[str]) -> bool:
        """Return whether overrides ask for a search instead of a grid.

        Raises:
            ConfigError: When an override cannot be parsed.
        """
        fixed = self.parse(overrides).fixed
        return any(o.key_or_group == "sampler" and o.value() is not None for o in fixed)

    def study(
        self,
        space: ParameterSpace,
        overrides: Sequence[str],
        default_name: str,
        *,
        in_grid: bool = False,
    ) -> StudyConfig:
        """Return the study of all runs of a grid.

        Args:
            space: The grid.
            overrides: The overrides of the command.
            default_name: Name of the study if neither overrides nor configs set one.
            in_grid: Whether the grid is part of a larger one.

        Raises:
            ConfigError: When an override is invalid, or the runs differ in what a study shares.
        """
        with _typed_keys_in_errors(overrides):
            composed = list(self.runs(space, default_name, in_grid=in_grid))
        shared = {each[1:] for each in composed}
        if len(shared) > 1:
            sections = (cls for name, cls in TOP_LEVEL_SECTIONS.items() if name != "protocol")
            fields = ", ".join(field for cls in sections for field in cls.model_fields)
            raise ConfigError(
                f"A sweep goes into one study, whose runs share these settings: {fields}, logger. "
                f"Give each one value."
            )
        ((location, numerics, execution, search, tracker),) = shared
        runs = tuple(each.run for each in composed)
        typed = tuple(overrides)
        return StudyConfig(runs, location, numerics, execution, typed, search, tracker, self._flags)

    def runs(
        self, space: ParameterSpace, default_name: str, *, in_grid: bool = False
    ) -> Iterator[ComposedRun]:
        """Yield the runs of a grid, the last axis fastest.

        Args:
            space: The grid.
            default_name: Name of the study if neither overrides nor configs set one.
            in_grid: Whether the grid is part of a larger one.

        Raises:
            ConfigError: When an override is invalid.
        """
        # Hydra composes for each value of a slow axis; fast axes set plain values.
        slow = [i for i, axis in enumerate(space.axes) if not self._is_fast(axis, space)]
        fast = [i for i in range(len(space.axes)) if i not in slow]
        fast_axes = [space.axes[i] for i in fast]
        in_grid = in_grid or len(space) > 1
        composed: dict[tuple[int, ...], GridRuns | None] = {}
        for positions in itertools.product(*(range(len(axis.values)) for axis in space.axes)):
            key = tuple([positions[i] for i in slow])
            if key not in composed:
                overrides = space.at({i: positions[i] for i in slow})
                composed[key] = self._grid_runs(overrides, fast_axes, default_name, in_grid)
            grid_runs = composed[key]
            if grid_runs is None:
                config = self._compose(space.at(dict(enumerate(positions))))
                yield GridRuns(_with_study_name(config, default_name), (), in_grid).at(())
            else:
                yield grid_runs.at([positions[i] for i in fast])

    def _grid_runs(
        self, overrides: list[Override], axes: list[Axis], default_name: str, in_grid: bool
    ) -> GridRuns | None:
        """Compose once for many runs; None when each run has to be composed."""
        config = self._compose(overrides)
        first_values = [override for axis in axes for override in axis.values[0]]
        for override in first_values:
            self._check_key(override, config)
        if _has_references(config):
            return None
        values = _with_study_name(config, default_name)
        if not all(replaces_plain_value(override, values) for override in first_values):
            return None
        return GridRuns(values, axes, in_grid)

    def _is_fast(self, axis: Axis, space: ParameterSpace) -> bool:
        """Return whether an axis sets plain values that no other override sets or contains."""
        overrides = [override for value in axis.values for override in value]
        if any(map(self._chooses_option, overrides)) or not all(map(sets_plain_value, overrides)):
            return False
        others = [o for o in space.other_overrides(axis) if not self._chooses_option(o)]
        return not any(
            keys_overlap(one.key_or_group, other.key_or_group)
            for one in axis.values[0]
            for other in others
        )

    def compose(self, overrides: Iterable[str]) -> dict[str, Any]:
        """Return the composed config of one run as plain values.

        Raises:
            ConfigError: When a group, an option or a key does not exist, or a value is invalid.
        """
        return _hydra.plain_values(self._compose(map(self._grammar.parse, overrides)))

    def config_yaml(
        self,
        overrides: Iterable[str],
        part: Literal["job", "hydra", "all"] = "job",
        package: str | None = None,
        resolve: bool = False,
    ) -> str:
        """Return the composed config of one run as yaml text.

        Args:
            overrides: The overrides.
            part: The run's config, Hydra's own, or both.
            package: Dotted path of the only section to show.
            resolve: Whether to resolve references.

        Raises:
            ConfigError: When an override is invalid, or there is no such section.
        """
        parsed = [self._grammar.parse(override) for override in overrides]
        config = self._compose(parsed) if part == "job" else self._compose_with_hydra(parsed)
        if part == "hydra":
            config = OmegaConf.create({"hydra": config.hydra})
        if package:
            section = OmegaConf.select(config, package)
            if not isinstance(section, DictConfig):
                raise ConfigError(f"--package {package}: the config has no such section.")
            config = section
        return OmegaConf.to_yaml(config, resolve=resolve)

    def complete_keys(self, overrides: Iterable[str], typed: str) -> list[str]:
        """Return the overrides that complete what is typed in a shell, as Hydra does.

        Args:
            overrides: The overrides before it, of the form ``key=value``.
            typed: The start of an override.
        """
        choices = [o for o in overrides if self.options(o.split("=")[0])]
        completions = _hydra.complete_keys(self.loader, " ".join([*choices, typed]))
        if not any(completion.endswith(".") for completion in completions):
            return completions
        # Hydra takes a list for a section.
        config = self._compose(map(self._grammar.parse, choices))
        lists = {c for c in completions if OmegaConf.is_list(OmegaConf.select(config, c[:-1]))}
        return [f"{c[:-1]}=" if c in lists else c for c in completions]

    def _compose(self, overrides: Iterable[Override]) -> DictConfig:
        groups: list[Override] = []
        values: list[Override] = []
        for override in overrides:
            (groups if self._chooses_option(override) else values).append(override)
        config = copy.deepcopy(self._base(tuple(o.input_line for o in groups if o.input_line)))
        for override in values:
            self._check_key(override, config)
        _hydra.apply_overrides(values, config)
        return config

    def _compose_with_hydra(self, overrides: Sequence[Override]) -> DictConfig:
        """Return a composed config together with Hydra's own node."""
        # Hydra would take them for options of the folder of that name.
        later = [o for o in overrides if o.key_or_group == _STUDY]
        others = [str(o.input_line) for o in overrides if o not in later]
        with _hydra_errors():
            config = self._hydra.compose_config("config", others, RunMode.RUN)
        for override in later:
            self._check_key(override, config)
        _hydra.apply_overrides(later, config)
        return config

    def _base(self, group_overrides: tuple[str, ...]) -> DictConfig:
        """Return the config of a choice of config groups."""
        if group_overrides not in self._bases:
            with _hydra_errors():
                config = self.loader.load_configuration(
                    "config", list(group_overrides), RunMode.RUN
                )
            option = config.hydra.runtime.choices.get("optimizer")
            with open_dict(config):
                del config["hydra"]
                if option and isinstance(config.get("optimizer"), DictConfig):
                    # A variant is labelled with the name of its yaml file.
                    config.optimizer.name = option
            self._bases[group_overrides] = config
        return self._bases[group_overrides]

    def _chooses_option(self, override: Override) -> bool:
        """Return whether an override chooses an option of a config group.

        Raises:
            ConfigError: When there is no such option, or the override is for Hydra itself.
        """
        key = override.key_or_group
        if key.split(".")[0].split("/")[0] == "hydra":
            raise ConfigError(
                f"{override.input_line}: Hydra's own settings have no effect here. Results go to "
                f"results=, your configs come from --config-dir."
            )
        options = self.options(key) if key and key != _STUDY else []
        value = override.value()
        if not options or isinstance(value, dict):  # a mapping sets values of the option
            return False
        for option in value if isinstance(value, list) else [value]:
            if override.is_delete() or option is None or option in options:
                continue
            raise ConfigError(
                f"{key}={option}: there is no such {key}.{nearest(str(option), options)} "
                f"There are: {', '.join(options)}."
            )
        return True

    def _check_key(self, override: Override, config: DictConfig) -> None:
        key = override.key_or_group
        check_key(override, config, self.options(key) if key in CONFIG_GROUPS else [])


def component_defaults(group: str, option: str) -> dict[str, Any]:
    """Return the plain values of one of adamcmp's yaml files.

    Raises:
        ConfigError: When there is no such file.
    """
    return dict(Composer().compose([f"{group}={option}"])[group])


def _checked_folder(config_dir: str) -> Path:
    folder = Path(config_dir).expanduser().resolve()
    if not folder.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: there is no such folder.")
    for file in folder.glob("*/*.yaml"):
        group = file.parent.name
        if group in CONFIG_GROUPS and (_CONFIGS / group / file.name).exists():
            raise ConfigError(f"{file} has the name of one of adamcmp's own: rename it.")
    return folder


def _as_list(overrides: Iterable[str]) -> list[str]:
    if isinstance(overrides, str):
        raise ConfigError(f"Give a list of overrides, like {overrides.split()}, not one string.")
    return list(overrides)


def _with_study_name(config: DictConfig, default_name: str) -> dict[str, Any]:
    """Return a config as plain values, with the default name if the study has none."""
    values = _hydra.plain_values(config)
    return values if values.get(_STUDY) is not None else {**values, _STUDY: default_name}


def _has_references(config: DictConfig) -> bool:
    """Return whether a value refers to another setting."""
    text = str(OmegaConf.to_container(config, resolve=False))
    return "${" in _ENVIRONMENT.sub("", text)


@contextlib.contextmanager
def _hydra_errors() -> Iterator[None]:
    """Turn what Hydra raises for an invalid config into a `ConfigError`."""
    try:
        yield
    except _hydra.ERRORS as error:
        raise ConfigError(_hydra.first_line(error)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"A yaml cannot be read: {' '.join(str(error).split())}") from None


@contextlib.contextmanager
def _typed_keys_in_errors(overrides: Sequence[str]) -> Iterator[None]:
    """Let an error about a setting name it by the short key that was typed."""
    try:
        yield
    except ConfigError as error:
        raise type(error)(with_typed_key(str(error), overrides)) from None
