"""Validate a composed config, section by section.

A section is a config group, such as ``optimizer``, or a class whose fields are keys at the top of
the config, such as `Protocol`. Runs of a grid share the objects of equal sections.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, NamedTuple

from pydantic.fields import FieldInfo

from adamcmp.components.data import MEASURES
from adamcmp.components.executors import ExecutorSettings
from adamcmp.components.groups import COMPONENT_GROUPS, CONFIG_GROUPS
from adamcmp.components.names import OPTIONAL_GROUPS
from adamcmp.components.registry import Component
from adamcmp.components.trackers import Tracker
from adamcmp.components.user_rule import import_rule, is_users_rule
from adamcmp.components.validation import build
from adamcmp.config.decay_product import PRODUCT, with_weight_decay
from adamcmp.config.numerics import Numerics
from adamcmp.config.protocol import Eval, Protocol
from adamcmp.config.run_config import RunConfig
from adamcmp.config.study_config import Execution, ResultsLocation, Search
from adamcmp.errors import ConfigError

#: Sections whose fields are keys at the top of the config, in the order in which they are checked.
TOP_LEVEL_SECTIONS: dict[str, type[Component]] = {
    "location": ResultsLocation,
    "numerics": Numerics,
    "execution": Execution,
    "search": Search,
    "protocol": Protocol,
}
SECTIONS = (*CONFIG_GROUPS, *TOP_LEVEL_SECTIONS)


class ComposedRun(NamedTuple):
    """One run, and the settings that all runs of a study share."""

    run: RunConfig
    location: ResultsLocation
    numerics: Numerics
    execution: Execution
    search: Search
    tracker: Tracker


def section_of(key: str) -> str:
    """Return the section that a dotted key belongs to; ``protocol`` for an unknown key."""
    top = key.split(".")[0]
    if top in CONFIG_GROUPS:
        return top
    if top == PRODUCT:
        return "optimizer"
    sections = TOP_LEVEL_SECTIONS.items()
    return next((name for name, cls in sections if top in cls.model_fields), "protocol")


def fields_of(key: str) -> list[FieldInfo]:
    """Return the fields of a dotted key, one for each component of a config group that has it."""
    prefix, _, name = key.rpartition(".")
    classes: list[type[Component]] = []
    if prefix in CONFIG_GROUPS:
        group = CONFIG_GROUPS[prefix]
        classes = [group.component(component) for component in group.names]
    elif not prefix:
        classes = list(TOP_LEVEL_SECTIONS.values())
    elif prefix == "eval":
        classes = [Eval]
    return [cls.model_fields[name] for cls in classes if name in cls.model_fields]


def is_text(key: str) -> bool:
    """Return whether the values of a dotted key are any text, such as a path."""
    return str in _types_of(key)


def is_number(key: str) -> bool:
    """Return whether the values of a dotted key are numbers."""
    return not _types_of(key).isdisjoint((int, float))


def is_whole_number(key: str) -> bool:
    """Return whether the values of a dotted key are whole numbers."""
    return int in _types_of(key)


@cache
def _types_of(key: str) -> set[Any]:
    return {type_ for field in fields_of(key) for type_ in _members(field.annotation)}


def _members(annotation: Any) -> list[Any]:
    """Return the types of a union, without annotations."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is Annotated:
        return _members(arguments[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [member for argument in arguments for member in _members(argument)]
    return [annotation]


def split_sections(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a config's plain values by section, each keyed as in the config."""
    sections: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
    for key, value in values.items():
        sections[section_of(key)][key] = value
    return sections


def build_section(name: str, values: Mapping[str, Any]) -> Any:
    """Validate the plain values of one section.

    Raises:
        ConfigError: If a value is missing or invalid.
    """
    if name in OPTIONAL_GROUPS and values.get(name) is None:
        return None
    if name == "optimizer":
        values = with_weight_decay(values)
    if name in CONFIG_GROUPS:
        return build_component(name, values.get(name))
    if isinstance(values.get("eval"), Mapping):
        build(Eval, values["eval"], "eval")  # so that an error names the full key
    return build(TOP_LEVEL_SECTIONS[name], values, "")


def build_component(group: str, values: Any) -> Any:
    """Validate the plain values of one component, such as those of ``dataset``.

    Args:
        group: The config group.
        values: A mapping with the key ``name`` (an optimizer: ``rule``) and the settings.

    Raises:
        ConfigError: If a value is missing or invalid.
    """
    spec = CONFIG_GROUPS[group]
    if not isinstance(values, Mapping):
        raise ConfigError(f"{group} is needed, such as {group}={spec.names[0]}.")
    # OmegaConf writes a missing value as ???.
    present = {str(key): value for key, value in values.items() if value != "???"}
    if not isinstance(present.get(spec.name_field), str):
        raise ConfigError(f"{group}.{spec.name_field} is needed: one of {', '.join(spec.names)}.")
    name = present[spec.name_field]
    is_users = group == "optimizer" and is_users_rule(name)
    return build(import_rule(name) if is_users else spec.component(name), present, group)


def assemble(sections: Mapping[str, Any], in_grid: bool = False) -> ComposedRun:
    """Return the run of validated sections.

    Args:
        sections: The sections by name.
        in_grid: Whether the run is part of a grid. Its runs without weight decay then have no
            schedule of it, so that they are one run. Otherwise, such a schedule is rejected.

    Raises:
        ConfigError: If the loss does not fit the dataset, or there is nothing to schedule.
    """
    components = {group: sections[group] for group in COMPONENT_GROUPS}
    if in_grid and not components["optimizer"].decays:
        components["wd_schedule"] = None
    run = RunConfig(protocol=sections["protocol"], **components)
    _check_loss(run)
    _check_select(run)
    _check_wd_schedule(run)
    shared = {name: sections[name] for name in TOP_LEVEL_SECTIONS if name != "protocol"}
    shared["execution"] = _execution(shared["execution"], sections["executor"])
    return ComposedRun(run, **shared, tracker=sections["logger"])


def build_run(values: Mapping[str, Any]) -> ComposedRun:
    """Validate the plain values of a composed config.

    Raises:
        ConfigError: If a value is missing or invalid; the message names the key, the value and
            what is allowed.
    """
    sections = split_sections(values)
    return assemble({name: build_section(name, sections[name]) for name in SECTIONS})


def _execution(execution: Execution, executor: ExecutorSettings | None) -> Execution:
    """Return settings of execution with those of the executor."""
    if executor is None:
        return execution
    if executor.name == "serial" and execution.workers:
        raise ConfigError(
            "executor=serial has no worker processes: remove workers=, or set executor=pool."
        )
    if executor.name != "serial" and execution.workers == 0:
        raise ConfigError(
            f"executor={executor.name} needs worker processes: remove workers=0, or set "
            f"executor=serial."
        )
    return execution.model_copy(update={"executor": executor})


def _check_loss(run: RunConfig) -> None:
    problem_type = run.dataset.problem_type
    if problem_type in run.loss.problem_types:
        return
    group = COMPONENT_GROUPS["loss"]
    losses: dict[str, Any] = {name: group.component(name) for name in group.names}
    suitable = next(n for n, loss in losses.items() if problem_type in loss.problem_types)
    raise ConfigError(
        f"loss={run.loss.name} is for {' and '.join(sorted(run.loss.problem_types))}, but the "
        f"dataset is a {problem_type} problem: use loss={suitable}."
    )


def _check_select(run: RunConfig) -> None:
    measures = ("loss", *MEASURES[run.dataset.problem_type])
    if run.protocol.select not in (None, *measures):
        raise ConfigError(
            f"select={run.protocol.select}: the dataset is a {run.dataset.problem_type} problem: "
            f"use select={' or '.join(measures)}."
        )


def _check_wd_schedule(run: RunConfig) -> None:
    if run.wd_schedule is None:
        return
    if not run.optimizer.fuses:
        raise ConfigError(
            f"wd_schedule={run.wd_schedule.name}: optimizer={run.optimizer.name} decays weights as "
            f"its class does; only built-in rules have a schedule of the weight decay."
        )
    if not run.optimizer.decays:
        raise ConfigError(
            f"wd_schedule={run.wd_schedule.name} has no effect with wd=0: set wd=, or remove it."
        )
