"""What a run can be told, as frozen, validated dataclasses; nothing here reads Hydra."""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from adamcmp.components.datasets import Dataset
from adamcmp.components.losses import Loss
from adamcmp.components.models import Model
from adamcmp.components.optimizers import Optimizer
from adamcmp.components.registry import Component, build, canonical, lookup, names
from adamcmp.components.schedules import Schedule
from adamcmp.components.trackers import NO_LOGGER, Logger
from adamcmp.errors import ConfigError

#: Config group -> (room of its parts, their base class, the field that names the part's file).
ROOMS: dict[str, tuple[str, type[Any], str]] = {
    "dataset": ("datasets", Dataset, "name"),
    "model": ("models", Model, "name"),
    "optimizer": ("optimizers", Optimizer, "rule"),
    "schedule": ("schedules", Schedule, "name"),
    "loss": ("losses", Loss, "name"),
}
#: All config groups: what a run is made of, and what only looks on.
GROUPS: dict[str, tuple[str, type[Any], str]] = {**ROOMS, "logger": ("trackers", Logger, "name")}

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|nul|aux|prn|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class Eval(Component):
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


class Protocol(Component):
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
        """See `Component.identity`; a budget that another one overrides changes nothing."""
        values = super().identity()
        if self.steps is not None:
            del values["epochs"]
        if self.eval.every_steps is not None:
            del values["eval"]["every"]
        return values

    @cached_property
    def fragments(self) -> dict[str, str]:
        """Each value of `identity` as canonical JSON."""
        return {key: canonical(value) for key, value in self.identity().items()}


class Numerics(Component):
    """How numbers are computed, fixed once for a study, since it decides the last bits.

    Attributes:
        device: ``cpu`` or ``cuda``; ``auto`` takes a GPU where there is one.
        dtype: Of weights and products: ``float32`` (what ``auto`` means), ``float64``, or
            ``bf16``, which computes products in bfloat16 (autocast) with float32 weights.
        threads: Threads a worker; only with 1 (what None means) does a run give the same bits in
            every group.
        engine: How the step is executed: ``eager`` runs torch's kernels one after the other,
            ``compiled`` compiles the step of fused lanes (models of matrix products). ``auto``
            compiles where the study's first sweep is long enough to pay for it and there is a C++
            compiler (on a GPU also Triton, and torch 2.10 or newer).

    In a study that exists, what is left open follows the study.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["auto", "float32", "float64", "bf16"] = "auto"
    threads: Positive | None = None
    engine: Literal["auto", "eager", "compiled"] = "auto"


class Execution(Component):
    """How the work is spread; no number depends on it.

    Attributes:
        workers: Processes that train at once; None takes one per core (one on a GPU), 0 none: this
            process trains one group after the other, as a debugger wants it.
        checkpoint_every: Seconds between checkpoints of a group on its way.
    """

    workers: Natural | None = None
    checkpoint_every: Annotated[float, Field(gt=0)] = 30.0


class Search(Component):
    """How ranges, such as ``lr=tag(log,interval(1e-4,1e-1))``, are searched.

    Attributes:
        sampler: What proposes settings (Optuna's): ``random``; ``sobol``, a scrambled Sobol'
            sequence; ``tpe``, tree-structured Parzen estimators; ``cmaes``. None: there is a grid.
        n: Settings tried by each optimizer (or other choice of config groups).
        batch: Settings proposed at once, and so trained side by side; None takes 16.
        objective: What is minimized, a mean over seeds; None takes ``val_error`` for classes,
            ``val_loss`` for regression.
    """

    sampler: Literal["random", "sobol", "tpe", "cmaes"] | None = None
    n: Annotated[int, Field(ge=1, le=100_000)] | None = None
    batch: Positive | None = None
    objective: Literal["val_error", "val_loss", "best_val_error", "best_val_loss"] | None = None

    @model_validator(mode="after")
    def _whole_or_none(self) -> Search:
        if (self.sampler is None) != (self.n is None):
            raise ValueError("a search is sampler=random|sobol|tpe|cmaes and n=64, both")
        for name in ("batch", "objective"):
            if self.sampler is None and getattr(self, name) is not None:
                raise ValueError(
                    f"{name}= is for a search: sampler=random|sobol|tpe|cmaes and n=64, both"
                )
        return self


NO_SEARCH = Search()


class Place(Component):
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

    def parts(self) -> dict[str, Component]:
        """Return the five parts by their config group."""
        return {group: getattr(self, group) for group in ROOMS}

    def identity(self) -> dict[str, Any]:
        """Return everything that can change the run's numbers, as plain JSON values."""
        parts = {group: part.identity() for group, part in self.parts().items()}
        return {**parts, **self.protocol.identity()}

    def fragments(self) -> dict[str, str]:
        """Return each value of `identity` as canonical JSON."""
        parts = {group: part.canonical for group, part in self.parts().items()}
        return {**parts, **self.protocol.fragments}

    def settings(self) -> dict[str, Any]:
        """Return every value under its dotted path, as the columns of `runs` hold it."""
        flat: dict[str, Any] = {}
        for group, part in self.parts().items():
            for name in type(part).model_fields:
                flat[f"{group}.{name}"] = _plain(getattr(part, name))
            if "sha256" in (identity := part.identity()):
                flat[f"{group}.sha256"] = identity["sha256"]
            if part.model_extra:
                flat[f"{group}.arguments"] = json.dumps(part.model_extra, sort_keys=True)
        for name in Protocol.model_fields:
            if name != "eval":
                flat[name] = getattr(self.protocol, name)
        for name in Eval.model_fields:
            flat[f"eval.{name}"] = getattr(self.protocol.eval, name)
        return flat

    @classmethod
    def from_columns(cls, row: Mapping[str, Any]) -> RunConfig:
        """Return the config of a run that was stored: the inverse of its columns.

        Args:
            row: A row of `runs`, as plain values. A column that it lacks, as a row of an older
                version may, leaves that setting at its default.

        Raises:
            ConfigError: When a value fits no setting.
        """
        parts = {group: build_part(group, _part_columns(group, row)) for group in ROOMS}
        values = {**_given(Protocol, row, ""), "eval": _given(Eval, row, "eval.")}
        if "epochs" in values:  # a run of so many epochs also says how many steps these were
            values["steps"] = None
        return cls(protocol=build(Protocol, values, ""), **parts)


@dataclass(frozen=True)
class StudyConfig:
    """What a command line asked for: runs, where they go, and how numbers are computed.

    ``words`` and ``flags`` are noted with the runs, so that the command can be given again.
    """

    runs: tuple[RunConfig, ...]
    place: Place
    numerics: Numerics
    execution: Execution
    words: tuple[str, ...]
    search: Search = NO_SEARCH
    logger: Logger = NO_LOGGER
    flags: tuple[str, ...] = ()


def _part_columns(group: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of one part among a run's columns."""
    room, base, naming = ROOMS[group]
    name = row[group] if naming == "name" else row[f"{group}.{naming}"]
    given = _given(lookup(room, name, base), row, f"{group}.")
    extra = json.loads(row.get(f"{group}.arguments") or "{}")
    return {**given, **extra, "name": row[group]}


def _given(part: type[Component], row: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Return the columns of a part's fields; a null is one only where the field may be None."""
    found = {name: row[f"{prefix}{name}"] for name in part.model_fields if f"{prefix}{name}" in row}
    optional = {name for name, info in part.model_fields.items() if _may_be_none(info.annotation)}
    return {name: value for name, value in found.items() if value is not None or name in optional}


def _may_be_none(annotation: Any) -> bool:
    if typing.get_origin(annotation) is Annotated:
        return _may_be_none(typing.get_args(annotation)[0])
    return type(None) in typing.get_args(annotation)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


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
    found |= dict.fromkeys(("dataset.sha256", "model.sha256", "optimizer.sha256"), str)
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


#: Sections of a config -> the class of their values, in the order in which they are checked. Those
#: without a name of their own in the config are fields at its top.
FLAT: dict[str, type[Component]] = {
    "place": Place,
    "numerics": Numerics,
    "execution": Execution,
    "search": Search,
    "protocol": Protocol,
}
SECTIONS = (*GROUPS, *FLAT)


class Asked(NamedTuple):
    """One run, and what it shares with the others of its study."""

    run: RunConfig
    place: Place
    numerics: Numerics
    execution: Execution
    search: Search
    logger: Logger


def section(key: str) -> str:
    """Return the section that a dotted key belongs to; what is unknown goes to the last one."""
    top = key.split(".")[0]
    if top in GROUPS:
        return top
    return next((name for name, part in FLAT.items() if top in part.model_fields), "protocol")


def sections(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a config's plain values by section, each keyed as in the config."""
    found: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for key, value in values.items():
        found[section(key)][key] = value
    return found


def build_section(name: str, values: Mapping[str, Any]) -> Any:
    """Validate the plain values of one section.

    Raises:
        ConfigError: As `build_run`.
    """
    if name in GROUPS:
        return build_part(name, values.get(name))
    if isinstance(values.get("eval"), Mapping):
        build(Eval, values["eval"], "eval")
    return build(FLAT[name], values, "")


def assemble(made: Mapping[str, Any]) -> Asked:
    """Return a run made of validated sections.

    Raises:
        ConfigError: When its parts do not go together.
    """
    run = RunConfig(protocol=made["protocol"], **{group: made[group] for group in ROOMS})
    _check_together(run)
    return Asked(run, **{field: made[field] for field in Asked._fields if field != "run"})


def build_run(values: Mapping[str, Any]) -> Asked:
    """Validate a composed config's plain values.

    Raises:
        ConfigError: One or two lines: which key, which value, and what would be right.
    """
    found = sections(values)
    return assemble({name: build_section(name, found[name]) for name in SECTIONS})


def build_part(group: str, values: Any) -> Any:
    """Validate the plain values of one part, such as those of ``dataset``.

    Raises:
        ConfigError: As `build_run`.
    """
    room, base, naming = GROUPS[group]
    if not isinstance(values, Mapping):
        raise ConfigError(f"{group} is needed, such as {group}={names(room)[0]}.")
    given = {str(key): value for key, value in values.items() if value != "???"}
    if not isinstance(given.get(naming), str):
        raise ConfigError(f"{group}.{naming} is needed: one of {', '.join(names(room))}.")
    return build(lookup(room, given[naming], base), given, group)


def _check_together(run: RunConfig) -> None:
    """Refuse parts that do not go together."""
    if run.dataset.kind not in run.loss.tasks:
        room, base, _ = ROOMS["loss"]
        right = [n for n in names(room) if run.dataset.kind in lookup(room, n, base).tasks]
        raise ConfigError(
            f"loss={run.loss.name} is for {' and '.join(sorted(run.loss.tasks))}, but the dataset "
            f"poses {run.dataset.kind}: use loss={right[0]}."
        )
