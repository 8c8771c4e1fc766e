"""From words to settings: Hydra composes, its own code applies the words, we check them.

The only place where OmegaConf is read: a DictConfig never travels further. Hydra composes once
per choice of config groups; value overrides are then applied to a copy by Hydra's own code, or,
the plain ones of a grid, set in the plain values.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import re
import typing
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from adamcmp.components.trackers import Logger
from adamcmp.config.grid import Axis, Space, space, spans_several, study_name
from adamcmp.config.grid_runs import Points, overlap, plain, settable
from adamcmp.config.overrides import MOST_RUNS, SHORT, Grammar, as_typed
from adamcmp.config.settings import (
    GROUPS,
    Asked,
    Execution,
    Numerics,
    Place,
    RunConfig,
    Search,
    StudyConfig,
)
from adamcmp.errors import ConfigError, nearest

_OURS = Path(str(files("adamcmp.configs")))
#: Settings, though there may be a folder of configs of that name.
_NO_GROUPS = ("study",)
#: References to the environment do not depend on other settings.
_ENVIRONMENT = re.compile(r"\$\{oc\.env:[^${}]*\}")


class Composer:
    """Composes configs from words, with the user's own config folder beside ours.

    Args:
        config_dir: Folder of the user's own yaml files, laid out like ours.

    Raises:
        ConfigError: When `config_dir` is no folder.
    """

    def __init__(self, config_dir: str | None = None) -> None:
        search_path = create_config_search_path("pkg://adamcmp.configs")
        self._flags = () if config_dir is None else ("--config-dir", config_dir)
        if config_dir is not None:
            folder = Path(config_dir).expanduser().resolve()
            if not folder.is_dir():
                raise ConfigError(f"--config-dir {config_dir}: there is no such folder.")
            for file in folder.glob("*/*.yaml"):
                if file.parent.name in GROUPS and (_OURS / file.parent.name / file.name).exists():
                    raise ConfigError(f"{file} has the name of one of ours: give it another.")
            search_path.prepend("command-line", f"file://{folder}", anchor="schema")
        # Hydra's constructor takes the global place; a program of the user's may need it.
        theirs = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        self._hydra = Hydra.create_main_hydra2("adamcmp", search_path)
        GlobalHydra.instance().hydra = theirs
        self._grammar = Grammar(self.loader)
        self._bases: dict[tuple[str, ...], DictConfig] = {}

    @property
    def loader(self) -> ConfigLoader:
        """Hydra's loader over all config folders."""
        return self._hydra.config_loader

    @cache  # noqa: B019 - a composer lives as long as the command
    def options(self, group: str) -> list[str]:
        """Return the names of a config group's options; none for what is no group."""
        return sorted(self.loader.get_group_options(group, results_filter=ObjectType.CONFIG))

    def run(self, words: Iterable[str]) -> StudyConfig:
        """Return the study of the one run that `words` ask for.

        Raises:
            ConfigError: When a word is wrong, or asks for several runs.
        """
        words = _listed(words)
        self.one(words)
        config = self.study(self.space(words), words, "scratch")
        if config.search.sampler:
            raise ConfigError(
                f"sampler={config.search.sampler}: `run` trains one run; search with `sweep`."
            )
        return config

    def one(self, words: list[str]) -> None:
        """Refuse words that ask for several runs.

        Raises:
            ConfigError: Naming the word.
        """
        for word in words:
            if spans_several(word, self._grammar):
                raise ConfigError(
                    f"{word}: `run` trains one run, and --cfg shows one. For several values use "
                    f"`adamcmp sweep` (or `adamcmp run -m`)."
                )

    def sweep(self, words: Iterable[str]) -> StudyConfig:
        """Return the study of all runs of the grid that `words` span.

        Where they name no study, it is named after them.

        Raises:
            ConfigError: When a word is wrong.
        """
        words = _listed(words)
        with _as_typed(words):
            found = self.space(words)
            if found.intervals:
                raise ConfigError(
                    f"{found.intervals[0].input_line}: an interval has no list of values: it "
                    f"needs sampler=random|sobol|tpe|cmaes n=64."
                )
        if not len(found):
            raise ConfigError("These words span no run: an axis has no values.")
        if len(found) > MOST_RUNS:
            raise ConfigError(
                f"These words span {len(found):,} runs; a study holds {MOST_RUNS:,} at most."
            )
        return self.study(found, words, study_name(found))

    def space(self, words: Iterable[str]) -> Space:
        """Return what words span: their fixed values, axes and intervals.

        Raises:
            ConfigError: When a word cannot be read.
        """
        return space(_listed(words), self._grammar)

    def searches(self, words: Iterable[str]) -> bool:
        """Return whether words ask for a search over ranges instead of a grid.

        Raises:
            ConfigError: When a word cannot be read.
        """
        fixed = self.space(words).fixed
        return any(o.key_or_group == "sampler" and o.value() is not None for o in fixed)

    def override(self, word: str) -> Override:
        """Return what one word says.

        Raises:
            ConfigError: When it cannot be read.
        """
        return self._grammar.override(word)

    def runs(self, found: Space, study: str, *, part: bool = False) -> Iterator[Asked]:
        """Yield the runs of a grid, the last axis fastest.

        Args:
            found: The grid.
            study: Name of the study where neither words nor configs name one.
            part: Whether the grid is a part of a greater one.

        Raises:
            ConfigError: When a word is wrong.
        """
        slow = [i for i, axis in enumerate(found.axes) if not self._settable(axis, found)]
        fast = [i for i in range(len(found.axes)) if i not in slow]
        axes = [found.axes[i] for i in fast]
        grid = part or len(found) > 1
        composed: dict[tuple[int, ...], Points | None] = {}
        for point in itertools.product(*(range(len(axis.points)) for axis in found.axes)):
            chosen = tuple([point[i] for i in slow])
            if chosen not in composed:
                words = found.at({i: point[i] for i in slow})
                composed[chosen] = self._points(words, axes, study, grid=grid)
            points = composed[chosen]
            if points is None:
                config = self._composed(found.at(dict(enumerate(point))))
                points = Points(_named(config, study), (), grid=grid)
            yield points.at([point[i] for i in fast])

    def _points(
        self, words: list[Override], axes: list[Axis], study: str, *, grid: bool
    ) -> Points | None:
        """Compose once for many runs; None where every run is to be composed itself."""
        config = self._composed(words)
        first = [override for axis in axes for override in axis.points[0]]
        for override in first:
            self._check_key(override, config)
        if _refers(config):
            return None
        values = _named(config, study)
        if not all(settable(override, values) for override in first):
            return None
        return Points(values, axes, grid)

    def _settable(self, axis: Axis, found: Space) -> bool:
        """Return whether an axis holds plain values that no other word is about."""
        overrides = [override for point in axis.points for override in point]
        if any(self._chooses_group(o) for o in overrides) or not all(map(plain, overrides)):
            return False
        others = [o for o in found.others(axis) if not self._chooses_group(o)]
        return not any(
            overlap(one.key_or_group, other.key_or_group)
            for one in axis.points[0]
            for other in others
        )

    def compose(self, words: Iterable[str]) -> DictConfig:
        """Return the composed config of one run, as Hydra's grammar has it.

        Raises:
            ConfigError: When a group, an option or a key does not exist, or a value is wrong.
        """
        return self._composed([self._grammar.override(word) for word in words])

    def _composed(self, overrides: Iterable[Override]) -> DictConfig:
        groups: list[Override] = []
        values: list[Override] = []
        for override in overrides:
            (groups if self._chooses_group(override) else values).append(override)
        config = copy.deepcopy(self._base(tuple(o.input_line for o in groups if o.input_line)))
        for override in values:
            self._check_key(override, config)
        _apply(values, config)
        return config

    def hydra_config(self, words: Iterable[str]) -> DictConfig:
        """Return the composed config together with Hydra's own node."""
        overrides = [self._grammar.override(word) for word in words]
        # Hydra would take them for options of the folder of that name.
        later = [o for o in overrides if o.key_or_group in _NO_GROUPS]
        typed = [str(o.input_line) for o in overrides if o not in later]
        try:
            config = self._hydra.compose_config("config", typed, RunMode.RUN)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(_first_line(error)) from None
        for override in later:
            self._check_key(override, config)
        _apply(later, config)
        return config

    def study(
        self, found: Space, words: Sequence[str], name: str, *, part: bool = False
    ) -> StudyConfig:
        """Return the study of all runs of a grid.

        Args:
            found: The grid.
            words: What was typed.
            name: Its name where neither words nor configs give one.
            part: Whether the grid is a part of a greater one.

        Raises:
            ConfigError: When a word is wrong.
        """
        runs: list[RunConfig] = []
        settled: set[tuple[Place, Numerics, Execution, Search, Logger]] = set()
        with _as_typed(words):
            for asked in self.runs(found, name, part=part):
                runs.append(asked.run)
                settled.add(asked[1:])
        if len(settled) > 1:
            parts = (Place, Numerics, Execution, Search)
            fixed = [field for part in parts for field in part.model_fields]
            raise ConfigError(
                f"A sweep goes into one study with one kind of numbers: {', '.join(fixed)}, logger "
                f"take one value each."
            )
        ((place, numerics, execution, search, logger),) = settled
        return StudyConfig(
            tuple(runs), place, numerics, execution, tuple(words), search, logger, self._flags
        )

    def _base(self, group_words: tuple[str, ...]) -> DictConfig:
        if group_words not in self._bases:
            try:
                config = self.loader.load_configuration("config", list(group_words), RunMode.RUN)
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError(_first_line(error)) from None
            except yaml.YAMLError as error:
                raise ConfigError(
                    f"A yaml cannot be read: {' '.join(str(error).split())}"
                ) from None
            chosen = config.hydra.runtime.choices.get("optimizer")
            with open_dict(config):
                del config["hydra"]
                if chosen and isinstance(config.get("optimizer"), DictConfig):
                    config.optimizer.name = chosen  # a variant's label is the word that chose it
            self._bases[group_words] = config
        return self._bases[group_words]

    def _chooses_group(self, override: Override) -> bool:
        key = override.key_or_group
        if key.split(".")[0].split("/")[0] == "hydra":
            raise ConfigError(
                f"{override.input_line}: Hydra's own settings have no effect here; results go to "
                f"results=, configs of your own come from --config-dir."
            )
        options = self.options(key) if key and key not in _NO_GROUPS else []
        choice = override.value()
        if not options or isinstance(choice, dict):  # which sets values, in its turn
            return False
        for one in choice if isinstance(choice, list) else [choice]:
            if override.is_delete() or one is None or one in options:
                continue
            raise ConfigError(
                f"{key}={one}: there is no such {key}.{nearest(str(one), options)} "
                f"There are: {', '.join(options)}."
            )
        return True

    def _check_key(self, override: Override, config: DictConfig) -> None:
        """Refuse a key that the composed config lacks, naming the nearest one that it has."""
        key = override.key_or_group
        parent_path, _, last = key.rpartition(".")
        parent = OmegaConf.select(config, parent_path) if parent_path else config
        if override.is_force_add():
            return
        if override.is_add():
            if isinstance(parent, DictConfig) and last in list(parent.keys()):
                raise ConfigError(f"+{key} is there already: leave the + away.")
            return
        # `in` would say no to a value that is still missing (???).
        if isinstance(parent, DictConfig) and last in parent.keys():  # noqa: SIM118
            is_section = isinstance(parent._get_node(last), DictConfig) and key in GROUPS
            if is_section and not isinstance(override.value(), dict):
                raise ConfigError(
                    f"{override.input_line}: there are {', '.join(self.options(key))}."
                )
            return
        if not isinstance(parent, DictConfig) or not parent_path:
            known = [*(str(name) for name in config), *SHORT, *_paths(config)]
            raise ConfigError(f"There is no setting {key!r}.{nearest(key, known)}")
        known = [str(name) for name in parent if name not in ("name", "rule")]
        guess = nearest(last, known).replace("'", f"'{parent_path}.", 1)
        takes_more = "target" in list(parent.keys())
        own = " An argument of your own class is added with a +." if takes_more else ""
        raise ConfigError(
            f"There is no setting {key!r} of {parent_path}={parent.get('name')}.{guess} "
            f"There are: {', '.join(known) or 'none'}.{own}"
        )


def _listed(words: Iterable[str]) -> list[str]:
    if isinstance(words, str):
        raise ConfigError(f"Give a list of words, like {words.split()}, not one string.")
    return list(words)


def _apply(values: list[Override], config: DictConfig) -> None:
    try:
        ConfigLoaderImpl._apply_overrides_to_config(values, config)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_first_line(error)) from None


def _named(config: DictConfig, study: str) -> dict[str, Any]:
    """Return plain values, with a name for the study where there is none."""
    values = _values(config)
    return values if values.get("study") is not None else {**values, "study": study}


def _refers(config: DictConfig) -> bool:
    """Return whether a value refers to another setting."""
    written = str(OmegaConf.to_container(config, resolve=False))
    return "${" in _ENVIRONMENT.sub("", written)


@contextlib.contextmanager
def _as_typed(words: Sequence[str]) -> Iterator[None]:
    """Let an error about a setting name it by the short key that was typed."""
    try:
        yield
    except ConfigError as error:
        raise type(error)(as_typed(str(error), list(words))) from None


def part_defaults(group: str, option: str) -> dict[str, Any]:
    """Return the plain values of one of our own yaml files, its defaults list followed.

    Raises:
        ConfigError: When there is no such file.
    """
    config = Composer().compose([f"{group}={option}"])
    return dict(_values(config)[group])


def _values(config: DictConfig) -> dict[str, Any]:
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    except OmegaConfBaseException as error:
        raise ConfigError(_first_line(error)) from None
    return typing.cast("dict[str, Any]", plain)


def _paths(config: DictConfig) -> list[str]:
    """Return the dotted paths of all values in a composed config."""
    found = []
    for key in config:
        node = config._get_node(key)
        if isinstance(node, DictConfig):
            found += [f"{key!s}.{path}" for path in _paths(node)]
        else:
            found.append(str(key))
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
