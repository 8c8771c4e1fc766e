"""Convert settings to columns of the table `runs`, and back."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from adamcmp.components.groups import COMPONENT_GROUPS
from adamcmp.components.optimizers import Rule
from adamcmp.components.registry import Component
from adamcmp.components.user_rule import import_rule, is_users_rule
from adamcmp.components.validation import build
from adamcmp.config.numerics import Numerics
from adamcmp.config.protocol import Eval, Protocol
from adamcmp.errors import ConfigError


class NeutralColumn(NamedTuple):
    """The column of a setting that was added after version 0.1.

    Attributes:
        value: The setting's neutral value, with which runs without the column were trained.
        type: The Python type of the column, as `setting_types` has it.
        nullable: Whether null is a value of the setting. If not, a null means that the run is
            older than the setting.
    """

    value: Any
    type: Any
    nullable: bool


def component_columns(component: Component, group: str) -> dict[str, Any]:
    """Return the settings of a component under their dotted paths."""
    columns = _field_columns(component, f"{group}.")
    if "sha256" in (identity := component.identity()):
        columns[f"{group}.sha256"] = identity["sha256"]
    if arguments := component.arguments():
        columns[f"{group}.arguments"] = json.dumps(arguments, sort_keys=True)
    return columns


def protocol_columns(protocol: Protocol) -> dict[str, Any]:
    """Return the settings of a training protocol under their dotted paths."""
    columns = {name: v for name, v in _field_columns(protocol, "").items() if name != "eval"}
    return {**columns, **_field_columns(protocol.eval, "eval.")}


def component_from_columns(group: str, row: Mapping[str, Any]) -> Any:
    """Return the component of a config group from the row of a stored run.

    Raises:
        ConfigError: If a column is missing or a value is invalid.
    """
    component = component_class(group, row[name_column(group)])
    # The component's name has a column without a dot.
    values = _field_values(component, {**row, f"{group}.name": row[group]}, f"{group}.")
    arguments = json.loads(row.get(f"{group}.arguments") or "{}")
    return build(component, {**values, **arguments}, group)


def component_class(group: str, name: str) -> type[Component]:
    """Return the class of a component, which may be a rule of the user's code.

    Raises:
        ConfigError: If there is no such component, or the user's class cannot be used.
    """
    if group == "optimizer" and is_users_rule(name):
        return import_rule(name)
    return COMPONENT_GROUPS[group].component(name)


def name_column(group: str) -> str:
    """Return the column that names the class of a config group's component."""
    field = COMPONENT_GROUPS[group].name_field
    return group if field == "name" else f"{group}.{field}"


def neutral_component_columns(group: str, name: str) -> dict[str, NeutralColumn]:
    """Return the columns that were added to a component after version 0.1, with neutral values.

    Args:
        group: The config group.
        name: The component; one that does not exist has no columns. A rule of the user's code,
            which is not imported, has those of every rule.
    """
    spec = COMPONENT_GROUPS[group]
    if group == "optimizer" and is_users_rule(name):
        return _neutral_columns(Rule, f"{group}.")
    return _neutral_columns(spec.component(name), f"{group}.") if name in spec.names else {}


def neutral_shared_columns() -> dict[str, NeutralColumn]:
    """Return the columns that were added after version 0.1 to what every run has.

    These are settings of `Protocol`, `Eval` and `Numerics`.
    """
    sections: dict[str, type[Component]] = {"": Protocol, "eval.": Eval}
    columns = _neutral_columns(Numerics, "")
    for prefix, section in sections.items():
        columns |= _neutral_columns(section, prefix)
    return columns


def _neutral_columns(component: type[Component], prefix: str) -> dict[str, NeutralColumn]:
    annotations = {name: field.annotation for name, field in component.model_fields.items()}
    return {
        f"{prefix}{name}": NeutralColumn(
            _cell(value), _column_type(annotations[name]), _may_be_none(annotations[name])
        )
        for name, value in component.neutral.items()
        if name in annotations
    }


def protocol_from_columns(row: Mapping[str, Any]) -> Protocol:
    """Return the training protocol from the row of a stored run.

    Raises:
        ConfigError: If a column is missing or a value is invalid.
    """
    # `steps` is always stored. `epochs` is stored only if the budget was set in epochs.
    in_epochs = row.get("epochs") is not None
    budget = {"steps": None} if in_epochs else {"epochs": Protocol.model_fields["epochs"].default}
    evaluation = _field_values(Eval, row, "eval.")
    values = _field_values(Protocol, {**row, **budget, "eval": evaluation}, "")
    return build(Protocol, values, "")


def _field_columns(component: Component, prefix: str) -> dict[str, Any]:
    values = {name: getattr(component, name) for name in component.column_fields()}
    return {f"{prefix}{name}": _cell(value) for name, value in values.items()}


def _cell(value: Any) -> Any:
    """Return a setting as its column holds it: a tuple as a list, a mapping as JSON."""
    if isinstance(value, dict):
        changed = {k: v.model_dump(exclude_defaults=True) for k, v in value.items()}
        return json.dumps(changed, sort_keys=True)
    return list(value) if isinstance(value, tuple) else value


def _field_values(
    component: type[Component], row: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    """Return the fields of a component from a stored row.

    A field without a value gets its neutral value, with which the run was trained. It does not
    get its default, which may change.

    Raises:
        ConfigError: If the field existed in version 0.1.
    """
    values = {}
    for name, field in component.column_fields().items():
        column = f"{prefix}{name}"
        value = row.get(column)
        if value is None and not (column in row and _may_be_none(field.annotation)):
            if name not in component.neutral:
                raise ConfigError(f"The stored run has no value in the column {column!r}.")
            value = component.neutral[name]
        elif typing.get_origin(field.annotation) is dict:
            value = json.loads(str(value))
        values[name] = value
    return values


def _may_be_none(annotation: Any) -> bool:
    if typing.get_origin(annotation) is Annotated:
        return _may_be_none(typing.get_args(annotation)[0])
    return type(None) in typing.get_args(annotation)


def setting_types() -> dict[str, Any]:
    """Return the Python type of every setting of every component, under its dotted path.

    Raises:
        TypeError: If two components of a group have settings of the same name but different
            types, which cannot share a column.
    """
    columns: dict[str, Any] = {}
    for group, spec in COMPONENT_GROUPS.items():
        for name in spec.names:
            for column, column_type in _field_types(spec.component(name), f"{group}.").items():
                if columns.setdefault(column, column_type) != column_type:
                    raise TypeError(f"{column} is {column_type} in {name} but not elsewhere")
        columns[f"{group}.arguments"] = str
    # The digests of users' files and classes are part of an identity, but are not fields.
    columns |= {
        f"{group}.sha256": str
        for group, spec in COMPONENT_GROUPS.items()
        if any(spec.component(name).has_digest for name in spec.names)
    }
    protocol = _field_types(Protocol, "")
    del protocol["eval"]
    return {**columns, **protocol, **_field_types(Eval, "eval.")}


def _field_types(component: type[Component], prefix: str) -> dict[str, Any]:
    fields = component.model_fields.items()
    return {f"{prefix}{name}": _column_type(field.annotation) for name, field in fields}


def fraction_settings() -> frozenset[str]:
    """Return the settings whose values are fractions, by dotted path: their upper bound is 1."""
    return frozenset(
        f"{group}.{name}"
        for group, spec in COMPONENT_GROUPS.items()
        for component in spec.names
        for name, field in spec.component(component).model_fields.items()
        if _is_bounded_by_one(field.annotation, field.metadata)
    )


def _is_bounded_by_one(annotation: Any, metadata: Sequence[Any]) -> bool:
    """Return whether the values of a field, or the items of its tuple, are at most 1."""
    arguments = typing.get_args(annotation)
    if typing.get_origin(annotation) is tuple:
        return _is_bounded_by_one(arguments[0], ())
    if typing.get_origin(annotation) is Annotated:
        return _is_bounded_by_one(arguments[0], arguments[1].metadata)
    return any(1 in (getattr(bound, "le", None), getattr(bound, "lt", None)) for bound in metadata)


def _column_type(annotation: Any) -> Any:
    """Return int, float, bool, str, or list[...] of one of them, for a field's annotation.

    A mapping is stored as JSON text.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _column_type(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _column_type(next(a for a in arguments if a is not type(None)))
    if origin is Literal:
        return type(arguments[0])
    if origin is dict:
        return str
    if origin is tuple:
        return list[_column_type(arguments[0])]  # type: ignore[misc]
    return annotation
