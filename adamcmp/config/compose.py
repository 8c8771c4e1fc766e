"""From words to settings: Hydra composes, its own code applies the words, we check them.

The only reader of Hydra and OmegaConf: a DictConfig never travels further. Hydra composes once
per choice of config groups; value overrides are then applied to a copy by Hydra's own code.
"""

from __future__ import annotations

import contextlib
import copy
import re
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from adamcmp.config.settings import (
    ROOMS,
    Execution,
    Numerics,
    Place,
    RunConfig,
    StudyConfig,
    build_run,
)
from adamcmp.errors import ConfigError, nearest

#: Short keys of the command line; they work for every optimizer and dataset.
SHORT = {
    "lr": "optimizer.lr",
    "wd": "optimizer.weight_decay",
    "optimizer.wd": "optimizer.weight_decay",
    "subset": "dataset.subset",
    "label_noise": "dataset.label_noise",
    "root": "dataset.root",
    "download": "dataset.download",
}

_OURS = Path(str(files("adamcmp.configs")))
_WORD = re.compile(r"([+~]*)([\w./@]+)(=.*)?", re.DOTALL)


class Composer:
    """Composes configs from words, with the user's own config folder beside ours.

    Args:
        config_dir: Folder of the user's own yaml files, laid out like ours.

    Raises:
        ConfigError: When `config_dir` is no folder.
    """

    def __init__(self, config_dir: str | None = None) -> None:
        search_path = create_config_search_path("pkg://adamcmp.configs")
        if config_dir is not None:
            folder = Path(config_dir).expanduser().resolve()
            if not folder.is_dir():
                raise ConfigError(f"--config-dir {config_dir}: there is no such folder.")
            for file in folder.glob("*/*.yaml"):
                if file.parent.name in ROOMS and (_OURS / file.parent.name / file.name).exists():
                    raise ConfigError(f"{file} has the name of one of ours: give it another.")
            search_path.prepend("command-line", f"file://{folder}", anchor="schema")
        # Hydra's constructor takes the global place; a program of the user's may need it.
        theirs = GlobalHydra.instance().hydra
        GlobalHydra.instance().clear()
        self._hydra = Hydra.create_main_hydra2("adamcmp", search_path)
        GlobalHydra.instance().hydra = theirs
        self._parser = OverridesParser.create(config_loader=self.loader)
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
        return self._study([words], words)

    def one(self, words: list[str]) -> None:
        """Refuse words that ask for several runs.

        Raises:
            ConfigError: Naming the word.
        """
        for word, override in zip(words, self._parse(words), strict=True):
            if override.is_sweep_override():
                raise ConfigError(
                    f"{word}: `run` trains one run, and --cfg shows one. For several values use "
                    f"`adamcmp sweep` (or `adamcmp run -m`)."
                )

    def sweep(self, words: Iterable[str]) -> StudyConfig:
        """Return the study of all runs of the grid that `words` span.

        Raises:
            ConfigError: When a word is wrong.
        """
        words = _listed(words)
        overrides = self._parse(words)
        for override in overrides:
            self._check_sweep(override)
        try:
            batches = BasicSweeper.split_arguments(overrides, None)
            batch = [point for points in batches for point in points]
        except HydraException as error:
            raise ConfigError(_first_line(error)) from None
        if not batch:
            raise ConfigError("These words span no run: an axis has no values.")
        return self._study([list(point) for point in batch], words)

    def compose(self, words: Iterable[str]) -> DictConfig:
        """Return the composed config of one run, as Hydra's grammar has it.

        Raises:
            ConfigError: When a group, an option or a key does not exist, or a value is wrong.
        """
        groups: list[Override] = []
        values: list[Override] = []
        for override in self._parse(words):
            (groups if self._chooses_group(override) else values).append(override)
        config = copy.deepcopy(self._base(tuple(o.input_line for o in groups if o.input_line)))
        for override in values:
            self._check_key(override, config)
        try:
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(_first_line(error)) from None
        return config

    def hydra_config(self, words: Iterable[str]) -> DictConfig:
        """Return the composed config together with Hydra's own node."""
        try:
            return self._hydra.compose_config(
                "config", [_long(word) for word in words], RunMode.RUN
            )
        except (HydraException, OmegaConfBaseException) as error:
            raise ConfigError(_first_line(error)) from None

    def _study(self, points: list[list[str]], words: list[str]) -> StudyConfig:
        runs: list[RunConfig] = []
        settled: set[tuple[Place, Numerics, Execution]] = set()
        for point in points:
            values = _values(self.compose(point))
            if len(points) > 1:
                _without_idle_decay(values)
            with _as_typed(words):
                run, place, numerics, execution = build_run(values)
            runs.append(run)
            settled.add((place, numerics, execution))
        if len(settled) > 1:
            fixed = [f for part in (Place, Numerics, Execution) for f in part.model_fields]
            raise ConfigError(
                f"A sweep goes into one study with one kind of numbers: {', '.join(fixed)} take "
                f"one value each."
            )
        ((place, numerics, execution),) = settled
        return StudyConfig(tuple(runs), place, numerics, execution, tuple(words))

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

    def _parse(self, words: Iterable[str]) -> list[Override]:
        parsed = []
        for word in words:
            try:
                parsed += self._parser.parse_overrides([_long(word)])
            except HydraException:
                raise ConfigError(
                    f"Cannot read {word!r}: a setting is key=value, +key=value or ~key "
                    f"(quote values that hold spaces, commas or brackets)."
                ) from None
        return parsed

    def _chooses_group(self, override: Override) -> bool:
        key = override.key_or_group
        if key.split(".")[0].split("/")[0] == "hydra":
            raise ConfigError(
                f"{override.input_line}: Hydra's own settings have no effect here; results go to "
                f"results=, configs of your own come from --config-dir."
            )
        options = self.options(key) if key else []
        if not options:
            return False
        choice = override.value()
        if not override.is_delete() and isinstance(choice, str) and choice not in options:
            raise ConfigError(
                f"{key}={choice}: there is no such {key}.{nearest(choice, options)} "
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
            if isinstance(parent._get_node(last), DictConfig) and key in ROOMS:
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

    def _check_sweep(self, override: Override) -> None:
        if override.is_sweep_override() and override.is_interval_sweep():
            raise ConfigError(
                f"{override.input_line}: an interval has no list of values; use a comma list or "
                f"range(start,stop,step)."
            )


def _listed(words: Iterable[str]) -> list[str]:
    if isinstance(words, str):
        raise ConfigError(f"Give a list of words, like {words.split()}, not one string.")
    return list(words)


def _long(word: str) -> str:
    """Return a word with its short key replaced by the setting that it stands for."""
    match = _WORD.fullmatch(word)
    if match and match[2] in SHORT:
        return f"{match[1]}{SHORT[match[2]]}{match[3] or ''}"
    return word


def _without_idle_decay(values: dict[str, Any]) -> None:
    """Set weight decay to 0 for an optimizer that does not decay.

    In a grid with others that do it means nothing; its points then are the same run, once. A
    single run that asks for it is refused instead.
    """
    optimizer = values.get("optimizer")
    if isinstance(optimizer, dict) and optimizer.get("coupling") == "none":
        optimizer["weight_decay"] = 0.0


@contextlib.contextmanager
def _as_typed(words: Iterable[str]) -> Iterator[None]:
    """Let an error about a setting name it by the short key that was typed."""
    try:
        yield
    except ConfigError as error:
        text = str(error)
        for word in words:
            match = _WORD.fullmatch(word)
            if match and match[2] in SHORT and text.startswith(f"{SHORT[match[2]]}="):
                text = match[2] + text.removeprefix(SHORT[match[2]])
        raise type(error)(text) from None


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
