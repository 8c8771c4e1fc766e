"""What a search may try: settings within ranges, for each choice of config groups."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.override_parser.types import Override

from adamcmp.config.compose import Composer
from adamcmp.config.grid import Axis, SearchRange, Space, short, study_name, value_text
from adamcmp.config.overrides import typed
from adamcmp.config.settings import ROOMS, RunConfig, StudyConfig
from adamcmp.errors import ConfigError

#: A value for each key that is searched: a number of an interval, or a text of a list of values.
Setting = dict[str, Any]


@dataclass(frozen=True)
class SearchCell:
    """One search.

    Attributes:
        words: The words that chose its config groups; none where none were varied.
        fixed: All words of one value, these among them.
        searched: Its intervals, and lists of values that are searched like them.
    """

    words: tuple[Override, ...]
    fixed: tuple[Override, ...]
    searched: tuple[Override | Axis, ...]

    @property
    def name(self) -> str:
        """A readable name, the same for the same words but for seeds and ``n=``."""
        return study_name(Space((*self.fixed, *self.searched)))


class SearchSpace:
    """A search's cells, and their settings as runs.

    Args:
        composer: Composes settings.
        words: The words of a command line.

    Attributes:
        all: The cells, in the order typed.
        space: What is searched, by key: intervals, and lists of values by their texts.

    Raises:
        ConfigError: When a word is wrong, or nothing is to be searched.
    """

    def __init__(self, composer: Composer, words: Sequence[str]) -> None:
        self._composer, self._words = composer, words
        space = composer.space(words)
        self._name = study_name(space)
        chosen, searched, seeds = _sorted(space)
        self._seeds = tuple(seeds)
        self._choices = {",".join(axis.keys): _choices(axis) for axis in searched}
        self.space: dict[str, SearchRange | list[str]] = {**space.ranges}
        self.space |= {key: list(texts) for key, texts in self._choices.items()}
        if not self.space:
            raise ConfigError(
                "A search needs something to search, such as 'lr=tag(log,interval(1e-4,1e-1))'."
            )
        self.all = [
            SearchCell(own, (*own, *space.fixed), (*space.intervals, *searched))
            for own in map(_flat, itertools.product(*(axis.points for axis in chosen)))
        ]

    @property
    def seeds(self) -> int:
        """How many runs a setting is."""
        return math.prod(len(axis.points) for axis in self._seeds)

    def spread(self, count: int) -> list[Setting]:
        """Return settings spread over the ranges, from end to end."""
        return [{key: self._at(key, place, count) for key in self.space} for place in range(count)]

    def _at(self, key: str, place: int, count: int) -> Any:
        """Return a key's value in the setting at one place of so many."""
        values = self.space[key]
        if isinstance(values, SearchRange):
            return values.at(place / max(count - 1, 1))
        # Lists are gone through as a grid is, the first one fastest.
        before = itertools.takewhile(lambda other: other != key, self._choices)
        slower = math.prod(len(self._choices[other]) for other in before)
        return values[place // slower % len(values)]

    def study(self, batch: Sequence[Sequence[Setting]]) -> StudyConfig:
        """Return the runs of settings, given for each cell."""
        pairs = zip(self.all, batch, strict=True)
        configs = [self._config(cell, settings) for cell, settings in pairs if settings]
        return replace(configs[0], runs=tuple(run for config in configs for run in config.runs))

    def runs(self, cell: SearchCell, settings: Sequence[Setting]) -> list[tuple[RunConfig, ...]]:
        """Return the runs of each setting of a cell: one a seed."""
        runs = self._config(cell, settings).runs if settings else ()
        return [runs[i : i + self.seeds] for i in range(0, len(runs), self.seeds)]

    def words(self, cell: SearchCell, setting: Setting) -> str:
        """Return the words that train a setting of a cell."""
        run = self._config(cell, [setting]).runs[0]
        words = [*cell.words, *self._overrides(setting)]
        if run.optimizer.coupling == "none":  # which refuses a decay
            words = [o for o in words if o.get_key_element() != "optimizer.weight_decay"]
        return " ".join(typed(str(override.input_line)) for override in words)

    def _config(self, cell: SearchCell, settings: Sequence[Setting]) -> StudyConfig:
        """Return settings of a cell as a study: each setting's seeds one after the other."""
        points = tuple(self._overrides(setting) for setting in settings)
        axis = Axis(tuple(override.get_key_element() for override in points[0]), points)
        space = Space((*cell.fixed, axis, *self._seeds))
        return self._composer.study(space, self._words, self._name, part=True)

    def _overrides(self, setting: Setting) -> tuple[Override, ...]:
        """Return the words that make a setting; for paired keys there are several."""
        return _flat(
            self._choices[key][value]
            if key in self._choices
            else (self._composer.override(f"{key}={_readable(value)}"),)
            for key, value in setting.items()
        )


def _readable(value: float) -> float:
    return short(value) if isinstance(value, float) else value


def _choices(axis: Axis) -> dict[str, tuple[Override, ...]]:
    """Return a list of values by their texts, which are the same however they are typed."""
    points = {":".join(map(value_text, point)): point for point in axis.points}
    return dict(sorted(points.items()))


def _sorted(space: Space) -> tuple[list[Axis], list[Axis], list[Axis]]:
    """Return axes that choose config groups, those that are searched, and seeds."""
    chosen, searched, seeds = [], [], []
    for axis in space.axes:
        if any(key in ROOMS for key in axis.keys):
            chosen.append(axis)
        elif axis.keys == ("seed",):
            seeds.append(axis)
        else:
            searched.append(axis)
    return chosen, searched, seeds


def _flat(points: Iterable[tuple[Override, ...]]) -> tuple[Override, ...]:
    return tuple(override for point in points for override in point)
