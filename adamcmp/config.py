"""From the words of a command line and yaml files to frozen, validated dataclasses.

The only reader of Hydra and OmegaConf: a DictConfig never travels further. Hydra composes once
per choice of config groups; value overrides are then applied to a copy by Hydra's own code.
"""

from __future__ import annotations

import contextlib
import copy
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

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
from pydantic import Field, field_validator

from adamcmp.datasets import Dataset
from adamcmp.errors import ConfigError, nearest
from adamcmp.losses import Loss
from adamcmp.models import Model
from adamcmp.optimizers import Optimizer
from adamcmp.parts import Part, build, lookup, names
from adamcmp.schedules import Schedule

#: Config group -> (room of its parts, their base class, the field that names the part's file).
ROOMS: dict[str, tuple[str, type[Any], str]] = {
    "dataset": ("datasets", Dataset, "name"),
    "model": ("models", Model, "name"),
    "optimizer": ("optimizers", Optimizer, "rule"),
    "schedule": ("schedules", Schedule, "name"),
    "loss": ("losses", Loss, "name"),
}

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

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
_WORD = re.compile(r"([+~]*)([\w./@]+)(=.*)?", re.DOTALL)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|nul|aux|prn|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class Eval(Part):
    """When and on what metrics are measured.

    Attributes:
        every: Epochs between evaluations.
        every_steps: Steps between evaluations, instead of `every`.
        train_examples: Measure training metrics on this many of the training examples, a subset
            drawn once with the dataset's split_seed; None measures on all.
    """

    every: Annotated[float, Field(gt=0)] = 1.0
    every_steps: Positive | None = None
    train_examples: Positive | None = None


class Protocol(Part):
    """How a run is trained: its seed, budget and bounds.

    Attributes:
        seed: Seed of the run's initial weights, data order, dropout and augmentation.
        epochs: Budget in passes over the training split.
        steps: Budget in steps, instead of `epochs`.
        batch_size: Examples of each step.
        grad_clip: Largest global norm of the gradient; None does not clip.
        divergence: The run has diverged when a batch's loss exceeds this many times the initial
            training loss, or is not finite.
        eval: See `Eval`.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    epochs: Positive = 30
    steps: Positive | None = None
    batch_size: Positive = 128
    grad_clip: Annotated[float, Field(gt=0)] | None = None
    divergence: Annotated[float, Field(gt=1)] = 1000.0
    eval: Eval = Eval()

    def identity(self) -> dict[str, Any]:
        """See `Part.identity`; a budget that another one overrides changes nothing."""
        values = super().identity()
        if self.steps is not None:
            del values["epochs"]
        if self.eval.every_steps is not None:
            del values["eval"]["every"]
        return values


class Numerics(Part):
    """How numbers are computed, fixed once for a study, since it decides the last bits.

    Attributes:
        device: ``cpu`` or ``cuda``; ``auto`` takes a GPU where there is one.
        dtype: Of weights and products: ``float32`` (what ``auto`` means), ``float64``, or
            ``bf16``, which computes products in bfloat16 (autocast) with float32 weights.
        threads: Threads a worker; only with 1 (what None means) does a run give the same bits in
            every group.
        engine: How the step is executed.

    In a study that exists, what is left open follows the study.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "float64", "bf16"] = "auto"
    threads: Positive | None = None
    engine: Literal["eager"] = "eager"


class Place(Part):
    """Where results go: ``<results>/<study>/``."""

    study: str = "scratch"
    results: str = "results"

    @field_validator("study")
    @classmethod
    def _plain_name(cls, value: str) -> str:
        if not _PLAIN_NAME.fullmatch(value) or _RESERVED.fullmatch(value):
            raise ValueError(
                "should be a plain folder name: letters, digits, '.', '_', '-', starting with a "
                "letter or digit, at most 64"
            )
        return value

    @field_validator("results")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("should be a folder")
        return value

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return Path(self.results).expanduser() / self.study


@dataclass(frozen=True)
class RunConfig:
    """Everything that was asked of one run, but for the numerics it shares with its study."""

    dataset: Dataset
    model: Model
    optimizer: Optimizer
    schedule: Schedule
    loss: Loss
    protocol: Protocol

    def parts(self) -> dict[str, Part]:
        """Return the five parts by their config group."""
        return {group: getattr(self, group) for group in ROOMS}

    def identity(self) -> dict[str, Any]:
        """Return everything that can change the run's numbers, as plain JSON values."""
        parts = {group: part.identity() for group, part in self.parts().items()}
        return {**parts, **self.protocol.identity()}

    def settings(self) -> dict[str, Any]:
        """Return every value under its dotted path, as the columns of `runs` hold it."""
        flat: dict[str, Any] = {}
        for group, part in self.parts().items():
            for name in type(part).model_fields:
                flat[f"{group}.{name}"] = _plain(getattr(part, name))
            if part.model_extra:
                flat[f"{group}.arguments"] = _json(part.model_extra)
        for name in Protocol.model_fields:
            if name != "eval":
                flat[name] = getattr(self.protocol, name)
        for name in Eval.model_fields:
            flat[f"eval.{name}"] = getattr(self.protocol.eval, name)
        return flat


@dataclass(frozen=True)
class StudyConfig:
    """What a command line asked for: runs, where they go, and how numbers are computed."""

    runs: tuple[RunConfig, ...]
    place: Place
    numerics: Numerics
    words: tuple[str, ...]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _json(value: Any) -> str:
    import json

    return json.dumps(value, sort_keys=True)


def setting_types() -> dict[str, Any]:
    """Return the Python type of every setting of every part, under its dotted path.

    Raises:
        TypeError: When two parts of a group give one name to values of different types, which
            could not share a column.
    """
    found: dict[str, Any] = {}
    for group, (room, base, _) in ROOMS.items():
        for name in names(room):
            for field, info in lookup(room, name, base).model_fields.items():
                kind = column_type(info.annotation)
                if found.setdefault(f"{group}.{field}", kind) != kind:
                    raise TypeError(f"{group}.{field} is {kind} in {name} but not elsewhere")
        found[f"{group}.arguments"] = str
    for field, info in Protocol.model_fields.items():
        if field != "eval":
            found[field] = column_type(info.annotation)
    for field, info in Eval.model_fields.items():
        found[f"eval.{field}"] = column_type(info.annotation)
    return found


def column_type(annotation: Any) -> Any:
    """Return int, float, bool, str, or list[...] of one of them, for a field's annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return column_type(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return column_type(next(a for a in arguments if a is not type(None)))
    if origin is Literal:
        return type(arguments[0])
    if origin is tuple:
        return list[column_type(arguments[0])]  # type: ignore[misc]
    return annotation


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
            search_path.prepend("command-line", f"file://{folder}", anchor="schema")
        GlobalHydra.instance().clear()
        self._hydra = Hydra.create_main_hydra2("adamcmp", search_path)
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
        words = list(words)
        for word, override in zip(words, self._parse(words), strict=True):
            if override.is_sweep_override():
                raise ConfigError(
                    f"{word}: `run` trains one run. For several values use "
                    f"`adamcmp sweep` (or `adamcmp run -m`)."
                )
        return self._study([words], words)

    def sweep(self, words: Iterable[str]) -> StudyConfig:
        """Return the study of all runs of the grid that `words` span.

        Raises:
            ConfigError: When a word is wrong.
        """
        words = list(words)
        overrides = self._parse(words)
        for override in overrides:
            self._check_sweep(override)
        try:
            (batch,) = BasicSweeper.split_arguments(overrides, None)
        except HydraException as error:
            raise ConfigError(_first_line(error)) from None
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
        settled: dict[str, tuple[Place, Numerics]] = {}
        for point in points:
            with _as_typed(words):
                run, place, numerics = build_run(_values(self.compose(point)))
            runs.append(run)
            settled[f"{place} {numerics}"] = (place, numerics)
        if len(settled) > 1:
            fixed = [*Place.model_fields, *Numerics.model_fields]
            raise ConfigError(
                f"A sweep goes into one study with one kind of numbers: {', '.join(fixed)} take "
                f"one value each."
            )
        ((place, numerics),) = settled.values()
        return StudyConfig(tuple(runs), place, numerics, tuple(words))

    def _base(self, group_words: tuple[str, ...]) -> DictConfig:
        if group_words not in self._bases:
            try:
                config = self.loader.load_configuration("config", list(group_words), RunMode.RUN)
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError(_first_line(error)) from None
            with open_dict(config):
                del config["hydra"]
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
        if key.startswith("hydra"):
            return True
        options = self.options(key)
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
        if override.is_add() or override.is_force_add():
            return
        parent_path, _, last = key.rpartition(".")
        parent = OmegaConf.select(config, parent_path) if parent_path else config
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
            f"There are: {', '.join(known)}.{own}"
        )

    def _check_sweep(self, override: Override) -> None:
        if override.is_sweep_override() and override.is_interval_sweep():
            raise ConfigError(
                f"{override.input_line}: an interval has no list of values; use a comma list or "
                f"range(start,stop,step)."
            )


def _long(word: str) -> str:
    """Return a word with its short key replaced by the setting that it stands for."""
    match = _WORD.fullmatch(word)
    if match and match[2] in SHORT:
        return f"{match[1]}{SHORT[match[2]]}{match[3] or ''}"
    return word


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


def build_run(values: Mapping[str, Any]) -> tuple[RunConfig, Place, Numerics]:
    """Validate a composed config's plain values.

    Raises:
        ConfigError: One or two lines: which key, which value, and what would be right.
    """
    rest = dict(values)
    parts = {group: build_part(group, rest.pop(group, None)) for group in ROOMS}
    place = build(Place, _pop(rest, Place), "")
    numerics = build(Numerics, _pop(rest, Numerics), "")
    if isinstance(rest.get("eval"), Mapping):
        build(Eval, rest["eval"], "eval")
    protocol = build(Protocol, rest, "")
    run = RunConfig(protocol=protocol, **parts)
    _check_together(run)
    return run, place, numerics


def build_part(group: str, values: Any) -> Any:
    """Validate the plain values of one part, such as those of ``dataset``.

    Raises:
        ConfigError: As `build_run`.
    """
    room, base, naming = ROOMS[group]
    if not isinstance(values, Mapping):
        raise ConfigError(f"{group} is needed, such as {group}={names(room)[0]}.")
    given = {str(key): value for key, value in values.items() if value != "???"}
    if not isinstance(given.get(naming), str):
        raise ConfigError(f"{group}.{naming} is needed: one of {', '.join(names(room))}.")
    return build(lookup(room, given[naming], base), given, group)


def part_defaults(group: str, option: str) -> dict[str, Any]:
    """Return the plain values of one of our own yaml files, its defaults list followed.

    Raises:
        ConfigError: When there is no such file.
    """
    config = Composer().compose([f"{group}={option}"])
    return dict(_values(config)[group])


def _pop(rest: dict[str, Any], part: type[Part]) -> dict[str, Any]:
    return {name: rest.pop(name) for name in part.model_fields if name in rest}


def _check_together(run: RunConfig) -> None:
    """Refuse parts that do not go together."""
    if run.dataset.kind not in run.loss.tasks:
        room, base, _ = ROOMS["loss"]
        right = [n for n in names(room) if run.dataset.kind in lookup(room, n, base).tasks]
        raise ConfigError(
            f"loss={run.loss.name} is for {' and '.join(sorted(run.loss.tasks))}, but the dataset "
            f"poses {run.dataset.kind}: use loss={right[0]}."
        )


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
