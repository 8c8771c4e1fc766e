"""Compose grids and studies: the runs of a parameter space."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf

from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.trusted_code import ANY_CODE, TrustedCode
from adamcmp.config import _hydra
from adamcmp.config._hydra import Override
from adamcmp.config.compose import ConfigComposer
from adamcmp.config.grid_runs import GridRuns, keys_overlap, replaces_plain_value, sets_plain_value
from adamcmp.config.keys import UnknownSetting, has_key
from adamcmp.config.naming import study_name
from adamcmp.config.overrides import expand_key, quoted_text, shorten_key, with_typed_key
from adamcmp.config.parameter_space import Axis, ParameterSpace
from adamcmp.config.parsing import is_multirun, parse_space
from adamcmp.config.recommended_ranges import grid_parts
from adamcmp.config.sections import (
    TOP_LEVEL_SECTIONS,
    ComposedRun,
    build_section,
    is_text,
    split_sections,
)
from adamcmp.config.study_config import DEFAULTS_VERSION, ResultsLocation, StudyConfig
from adamcmp.config.sweep_functions import MAX_RUNS
from adamcmp.errors import ConfigError
from adamcmp.platform.addresses import Address

#: References to the environment do not depend on other settings.
_ENVIRONMENT = re.compile(r"\$\{oc\.env:[^${}]*\}")


class Composer(ConfigComposer):
    """Composes runs, grids and studies from overrides.

    Args:
        config_dir: See `ConfigComposer`.
        defaults: Version of the defaults of a new study.
        begun_with: Returns the version of the defaults that the study at an address was created
            with, and None for a new study. An existing study is composed with that version.
        code: The code that overrides and yaml files may name. By default, all of it, since they
            are those of the user.

    Attributes:
        config_dir: The folder of the user's yaml files.
    """

    def __init__(
        self,
        config_dir: str | None = None,
        defaults: int = DEFAULTS_VERSION,
        begun_with: Callable[[Address], int | None] = lambda folder: None,
        code: TrustedCode = ANY_CODE,
    ) -> None:
        super().__init__(config_dir, defaults)
        self.config_dir = config_dir
        self._defaults, self._begun_with, self._code = defaults, begun_with, code
        self._flags = () if config_dir is None else ("--config-dir", config_dir)

    def run(self, overrides: Iterable[str]) -> StudyConfig:
        """Return the study of one run.

        Raises:
            ConfigError: If an override is invalid, or has several values.
        """
        overrides = _as_list(overrides)
        self.check_single_run(overrides)
        config = self.study(self.parse(overrides), overrides, "scratch")
        if config.search.sampler:
            raise ConfigError(
                f"sampler={config.search.sampler}: `run` trains one run. Search with `sweep`."
            )
        return config

    def check_single_run(self, overrides: Sequence[str]) -> None:
        """Check that overrides define one run.

        Raises:
            ConfigError: If an override has several values, or two different ones set the same;
                the message names them.
        """
        for override in overrides:
            if is_multirun(override, self.grammar):
                key = expand_key(override).partition("=")[0]
                hint = f" Text with a comma needs quotes: {quoted_text(override)}"
                raise ConfigError(
                    f"{override}: `run` trains one run, and --cfg shows one. For several values "
                    f"use `adamcmp sweep` (or `adamcmp run -m`).{hint if is_text(key) else ''}"
                )
        self.parse(overrides)

    def sweep(self, overrides: Iterable[str]) -> StudyConfig:
        """Return the study of a grid. Without ``study=``, its name is derived from the overrides.

        Raises:
            ConfigError: If an override is invalid, or the grid is empty or too large.
        """
        overrides = _as_list(overrides)
        with _typed_keys_in_errors(overrides):
            space = self.parse(overrides)
            if space.intervals:
                raise ConfigError(
                    f"{space.intervals[0].input_line}: an interval has no list of values: it "
                    f"needs sampler=random|sobol|tpe|cmaes n=64."
                )
            count = sum(map(len, grid_parts(space, self)))
        for axis in space.axes:
            if not axis.values:
                raise ConfigError(
                    f"{','.join(map(shorten_key, axis.keys))}: the sweep has no values."
                )
        if count > MAX_RUNS:
            raise ConfigError(
                f"These overrides define {count:,} runs; a study holds at most {MAX_RUNS:,}."
            )
        return self.study(space, overrides, study_name(space))

    def parse(self, overrides: Iterable[str]) -> ParameterSpace:
        """Return the parameter space that overrides define.

        Raises:
            ConfigError: If an override cannot be parsed.
        """
        return parse_space(_as_list(overrides), self.grammar)

    def is_search(self, overrides: Iterable[str]) -> bool:
        """Return whether overrides define a search instead of a grid.

        Raises:
            ConfigError: If an override cannot be parsed.
        """
        fixed = self.parse(overrides).fixed
        return any(o.key_or_group == "sampler" and o.value() is not None for o in fixed)

    def of_study(self, overrides: Iterable[str], default_name: str | None = None) -> Composer:
        """Return the composer with the defaults of the study that a run belongs to.

        Args:
            overrides: The overrides of the run.
            default_name: Name of the study if neither overrides nor configs set one; None derives
                it from the overrides.

        Raises:
            ConfigError: If an override is invalid.
        """
        overrides = _as_list(overrides)
        config = self.compose_config(map(self.grammar.parse, overrides))
        values = _with_study_name(config, default_name or study_name(self.parse(overrides)))
        return self._at(build_section("location", split_sections(values)["location"]))

    def _at(self, location: ResultsLocation) -> Composer:
        """Return the composer with the defaults that the study at a location was created with."""
        version = self._begun_with(location.folder)
        return self if version in (None, self._defaults) else self._with_defaults(version)

    @cache  # noqa: B019 - a composer is used as long as the command runs
    def _with_defaults(self, version: int) -> Composer:
        return Composer(self.config_dir, version, code=self._code)

    def trusting(self, code: TrustedCode) -> Composer:
        """Return the composer of overrides that may name this code only."""
        return Composer(self.config_dir, self._defaults, self._begun_with, code)

    def study(
        self,
        space: ParameterSpace,
        overrides: Sequence[str],
        default_name: str,
        *,
        in_grid: bool = False,
    ) -> StudyConfig:
        """Return the study of all runs of a grid, with the defaults that it was created with.

        Args:
            space: The grid.
            overrides: The overrides of the command.
            default_name: Name of the study if neither overrides nor configs set one.
            in_grid: Whether the grid is part of a larger one.

        Raises:
            ConfigError: If an override is invalid, or the runs differ in what a study shares.
        """
        config = self._study(space, overrides, default_name, in_grid)
        composer = self._at(config.location)
        if composer is self:
            return config
        former = composer.study(space, overrides, default_name, in_grid=in_grid)
        return replace(former, notices=(*former.notices, *_kept_defaults(config, former)))

    def _study(
        self, space: ParameterSpace, overrides: Sequence[str], default_name: str, in_grid: bool
    ) -> StudyConfig:
        """Return the study of all runs of a grid, with the defaults of this composer."""
        with _typed_keys_in_errors(overrides), self._options_in_errors(space):
            parts = grid_parts(space, self)
            in_grid = in_grid or sum(map(len, parts)) > 1
            composed = [r for part in parts for r in self.runs(part, default_name, in_grid=in_grid)]
        # All fields of a `ComposedRun` but the first must be the same for all runs of a study.
        shared = {composed_run[1:] for composed_run in composed}
        if len(shared) > 1:
            sections = (cls for name, cls in TOP_LEVEL_SECTIONS.items() if name != "protocol")
            fields = ", ".join(field for cls in sections for field in cls.model_fields)
            raise ConfigError(
                f"All runs of a sweep belong to one study and share these settings: {fields}, "
                f"logger. Set each to one value."
            )
        ((location, numerics, execution, search, tracker),) = shared
        runs = tuple(composed_run.run for composed_run in composed)
        return StudyConfig(
            *(runs, location, numerics, execution, tuple(overrides), search, tracker),
            flags=self._flags,
            notices=space.notices,
        )

    def runs(
        self, space: ParameterSpace, default_name: str, *, in_grid: bool = False
    ) -> Iterator[ComposedRun]:
        """Yield the runs of a grid, the last axis fastest.

        Args:
            space: The grid.
            default_name: Name of the study if neither overrides nor configs set one.
            in_grid: Whether the grid is part of a larger one.

        Raises:
            ConfigError: If an override is invalid.
        """
        # Hydra composes once per value of a slow axis. Fast axes only set plain values.
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
                config = self.compose_config(space.at(dict(enumerate(positions))))
                values = _with_study_name(config, default_name)
                yield GridRuns(values, (), in_grid, self._code).at(())
            else:
                yield grid_runs.at([positions[i] for i in fast])

    @contextlib.contextmanager
    def _options_in_errors(self, space: ParameterSpace) -> Iterator[None]:
        """Say in an error that only some options of a varied config group have a setting."""
        try:
            yield
        except UnknownSetting as error:
            group = error.key.partition(".")[0]
            if group not in CONFIG_GROUPS:
                raise
            varied = itertools.chain(*(value for axis in space.axes for value in axis.values))
            choices = {str(o.value()): o for o in varied if o.key_or_group == group}
            having = [o for o, choice in choices.items() if has_key(self.base([choice]), error.key)]
            if not having:
                raise
            raise ConfigError(
                f"{error} Only {group}={','.join(having)} has it: train several sweeps into one "
                f"study (study=NAME), or write a study file with a block for each {group}."
            ) from None

    def _grid_runs(
        self, overrides: list[Override], axes: list[Axis], default_name: str, in_grid: bool
    ) -> GridRuns | None:
        """Compose once for many runs; return None if each run must be composed."""
        config = self.compose_config(overrides)
        # All values of an axis set the same keys, so its first value is checked for all.
        first_values = [override for axis in axes for override in axis.values[0]]
        for override in first_values:
            self.check_key(override, config)
        # A reference may be to a key that an axis sets, so its value may differ from run to run.
        if _has_references(config):
            return None
        values = _with_study_name(config, default_name)
        if not all(replaces_plain_value(override, values) for override in first_values):
            return None
        return GridRuns(values, axes, in_grid, self._code)

    def _is_fast(self, axis: Axis, space: ParameterSpace) -> bool:
        """Return whether an axis sets plain values that no other override sets or contains."""
        overrides = [override for value in axis.values for override in value]
        if any(map(self.chooses_option, overrides)) or not all(map(sets_plain_value, overrides)):
            return False
        others = [o for o in space.other_overrides(axis) if not self.chooses_option(o)]
        return not any(
            keys_overlap(one.key_or_group, other.key_or_group)
            for one in axis.values[0]
            for other in others
        )


def _as_list(overrides: Iterable[str]) -> list[str]:
    if isinstance(overrides, str):
        raise ConfigError(f"Pass a list of overrides, like {overrides.split()}, not one string.")
    return list(overrides)


def _with_study_name(config: DictConfig, default_name: str) -> dict[str, Any]:
    """Return a config as plain values, with the default name if the study has none."""
    values = _hydra.plain_values(config)
    return values if values.get("study") is not None else {**values, "study": default_name}


def _kept_defaults(config: StudyConfig, former: StudyConfig) -> Iterator[str]:
    """Yield a notice if the former defaults of an existing study differ from the present ones."""
    changed: dict[str, None] = {}
    if len(config.runs) != len(former.runs):
        changed["recommended ranges"] = None
    for present, earlier in zip(config.runs, former.runs, strict=False):
        if earlier != present:
            values = present.settings()
            items = earlier.settings().items()
            changed |= {f"{shorten_key(k)}={v}": None for k, v in items if v != values.get(k)}
    if changed:
        yield (
            f"study {config.location.study} was created with earlier defaults "
            f"({', '.join(changed)}) and continues with them. A new study has the present ones."
        )


def _has_references(config: DictConfig) -> bool:
    """Return whether a value refers to another setting."""
    text = str(OmegaConf.to_container(config, resolve=False))
    return "${" in _ENVIRONMENT.sub("", text)


@contextlib.contextmanager
def _typed_keys_in_errors(overrides: Sequence[str]) -> Iterator[None]:
    """Replace the key in an error message by the short key that was typed."""
    try:
        yield
    except ConfigError as error:
        raise type(error)(with_typed_key(str(error), overrides)) from None
