"""The search space: settings within ranges, for each choice of config groups."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from adamcmp.components.groups import COMPONENT_GROUPS
from adamcmp.config._hydra import Override
from adamcmp.config.grid import Composer
from adamcmp.config.naming import study_name, value_text
from adamcmp.config.overrides import shorten_key
from adamcmp.config.parameter_space import Axis, ParameterSpace, SearchRange, round_significant
from adamcmp.config.recommended_ranges import with_ranges
from adamcmp.config.run_config import RunConfig
from adamcmp.config.study_config import StudyConfig
from adamcmp.errors import ConfigError

#: A value for each searched key: a number in its range, or the text of a listed value.
Setting = dict[str, Any]


@dataclass(frozen=True)
class SearchBranch:
    """The search for one choice of config groups.

    Attributes:
        overrides: The overrides that choose its config groups; empty if no group is varied.
        fixed: All overrides with one value, including `overrides`.
        searched: The intervals, and the axes whose listed values are searched.
        listed: The values of these axes by their canonical texts.
    """

    overrides: tuple[Override, ...]
    fixed: tuple[Override, ...]
    searched: tuple[Override | Axis, ...]
    listed: Mapping[str, Mapping[str, tuple[Override, ...]]]

    @property
    def name(self) -> str:
        """A readable name, independent of seeds and ``n=``."""
        return study_name(ParameterSpace((*self.fixed, *self.searched)))

    @cached_property
    def domains(self) -> dict[str, SearchRange | list[str]]:
        """The range of each searched key, or the texts of its listed values."""
        return {
            **ParameterSpace(self.searched).ranges,
            **{key: list(texts) for key, texts in self.listed.items()},
        }

    def evenly_spaced(self, count: int) -> list[Setting]:
        """Return settings evenly spaced over the ranges, both ends included."""
        return [{key: self._spaced(key, i, count) for key in self.domains} for i in range(count)]

    def _spaced(self, key: str, index: int, count: int) -> Any:
        """Return a key's value in one of `count` evenly spaced settings."""
        domain = self.domains[key]
        if isinstance(domain, SearchRange):
            return domain.at(index / max(count - 1, 1))
        # Listed values are combined as in a grid, the first key fastest.
        faster = itertools.takewhile(lambda other: other != key, self.listed)
        period = math.prod(len(self.listed[other]) for other in faster)
        return domain[index // period % len(domain)]


class SearchSpace:
    """The branches of a search; converts their settings to runs.

    Args:
        composer: Composes settings.
        overrides: The overrides of the command.

    Attributes:
        branches: The branches, in the order typed.

    Raises:
        ConfigError: If an override is invalid, or no key is searched.
    """

    def __init__(self, composer: Composer, overrides: Sequence[str]) -> None:
        self._composer, self._overrides = composer, overrides
        space = composer.parse(overrides)
        self._notices = space.notices
        self._name = study_name(space)
        groups, _, self._seed_axes = _classified(space)
        choices = itertools.product(*(axis.values for axis in groups))
        self.branches = [self._branch(space, groups, choice) for choice in choices]
        if not all(branch.domains for branch in self.branches):
            raise ConfigError("A search needs a range, such as 'lr=tag(log,interval(1e-4,1e-1))'.")

    def _branch(
        self, space: ParameterSpace, groups: Sequence[Axis], choice: Sequence[tuple[Override, ...]]
    ) -> SearchBranch:
        """Return the search of one choice of config groups."""
        space = with_ranges(space.with_choice(groups, choice), self._composer, search=True)
        overrides = _concatenated(choice)
        _, searched, _ = _classified(space)
        listed = {",".join(axis.keys): _values_by_text(axis) for axis in searched}
        fixed = (*overrides, *(o for o in space.fixed if all(o is not c for c in overrides)))
        return SearchBranch(overrides, fixed, (*space.intervals, *searched), listed)

    @property
    def seeds_per_setting(self) -> int:
        """Number of runs of one setting."""
        return math.prod(len(axis.values) for axis in self._seed_axes)

    def study(self, batch: Sequence[Sequence[Setting]]) -> StudyConfig:
        """Return the runs of settings, one sequence of settings per branch."""
        pairs = zip(self.branches, batch, strict=True)
        configs = [self._config(branch, settings) for branch, settings in pairs if settings]
        runs = tuple(run for config in configs for run in config.runs)
        notices = tuple(dict.fromkeys(notice for config in configs for notice in config.notices))
        # The branches share everything else.
        return replace(configs[0], runs=runs, notices=notices)

    def runs(
        self, branch: SearchBranch, settings: Sequence[Setting]
    ) -> list[tuple[RunConfig, ...]]:
        """Return the runs of each setting of a branch, one per seed."""
        runs = self._config(branch, settings).runs if settings else ()
        step = self.seeds_per_setting
        return [runs[i : i + step] for i in range(0, len(runs), step)]

    def overrides(self, branch: SearchBranch, setting: Setting) -> tuple[str, ...]:
        """Return the overrides that train a setting of a branch, as typed in a command."""
        run = self._config(branch, [setting]).runs[0]
        overrides = [*branch.overrides, *self._setting_overrides(branch, setting)]
        if run.optimizer.coupling == "none":  # rejects weight decay
            overrides = [o for o in overrides if o.get_key_element() != "optimizer.weight_decay"]
        return tuple(shorten_key(str(override.input_line)) for override in overrides)

    def _config(self, branch: SearchBranch, settings: Sequence[Setting]) -> StudyConfig:
        """Return settings of a branch as a study, the seeds of each setting in sequence."""
        values = tuple(self._setting_overrides(branch, setting) for setting in settings)
        axis = Axis(tuple(override.get_key_element() for override in values[0]), values)
        space = ParameterSpace((*branch.fixed, axis, *self._seed_axes), self._notices)
        return self._composer.study(space, self._overrides, self._name, in_grid=True)

    def _setting_overrides(self, branch: SearchBranch, setting: Setting) -> tuple[Override, ...]:
        """Return the overrides of a setting; paired keys have several."""
        return _concatenated(
            branch.listed[key][value]
            if key in branch.listed
            else (self._composer.parse_override(f"{key}={_rounded(value)}"),)
            for key, value in setting.items()
        )


def _rounded(value: float) -> float:
    return round_significant(value) if isinstance(value, float) else value


def _values_by_text(axis: Axis) -> dict[str, tuple[Override, ...]]:
    """Return the values of an axis by their canonical texts."""
    values = {":".join(map(value_text, value)): value for value in axis.values}
    # Sorted, so that proposals do not depend on the order in which values were typed.
    return dict(sorted(values.items()))


def _classified(space: ParameterSpace) -> tuple[list[Axis], list[Axis], list[Axis]]:
    """Return the axes of config groups, the searched axes, and the axes of seeds."""
    groups, searched, seeds = [], [], []
    for axis in space.axes:
        if any(key in COMPONENT_GROUPS for key in axis.keys):
            groups.append(axis)
        elif axis.keys == ("seed",):
            seeds.append(axis)
        else:
            searched.append(axis)
    return groups, searched, seeds


def _concatenated(values: Iterable[tuple[Override, ...]]) -> tuple[Override, ...]:
    return tuple(override for value in values for override in value)
