"""Validate JSON values, with errors that name the key, the value and what is allowed."""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adamcmp.components.registry import Component
from adamcmp.components.trusted_code import check_code
from adamcmp.errors import ConfigError, nearest, shortened

C = TypeVar("C", bound=Component)

#: The largest integer of a column in Parquet.
_MAX_INTEGER = 2**63 - 1
_ALL_SETTINGS = "`adamcmp run --cfg job` shows all settings."
#: Words that an override may have instead of a number.
_WORDS = {"optimizer.lr": ["default"], "optimizer.weight_decay": ["default"]}
#: Pydantic's error types and what a value should be instead, formatted with the error's context.
_REQUIREMENTS = {
    "greater_than": "should be greater than {gt:g}",
    "greater_than_equal": "should be at least {ge:g}",
    "less_than": "should be less than {lt:g}",
    "less_than_equal": "should be at most {le:g}",
    "float_type": "should be a number",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "bool_type": "should be true or false",
    "string_type": "should be text",
    "tuple_type": "should be a list, like [0.9,0.999]",
    "dict_type": "should be a mapping, {{key: value}}",
    "model_type": "should be a mapping, {{key: value}}",
    "finite_number": "should be a finite number",
    "too_short": "has too few values: at least {min_length} are needed",
    "too_long": "has too many values: {max_length} are needed",
    "value_error": "{error}",
}


def build(component: type[C], values: Mapping[str, Any], path: str) -> C:
    """Build a component from JSON values, after validating them.

    Args:
        component: The class of the component; its fields define the allowed values.
        values: JSON values, as in a config.
        path: Dotted path of the values in the config, for the error message; "" for the top
            level.

    Raises:
        ConfigError: If a value is missing or invalid; the message names the key, the value and
            what is allowed.
        UntrustedCode: If a value names code that is not trusted; see
            `adamcmp.components.trusted_code`.
    """
    values = {key: _as_text(component, key, value) for key, value in values.items()}
    try:
        # Strict validation accepts a list for a tuple only from JSON.
        built = component.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise ConfigError(_explanation(error.errors()[0], component, values, path)) from None
    for name in component.model_fields:
        if not _fits_column(getattr(built, name)):
            key = f"{path}.{name}" if path else name
            raise ConfigError(
                f"{key}={_text(values[name])}: a whole number is at most {_MAX_INTEGER:,}."
            )
    for name, code in built.imported_code().items():
        check_code(code, f"{path}.{name}")
    return built


def _fits_column(value: Any) -> bool:
    items = value if isinstance(value, tuple) else (value,)
    return all(abs(item) <= _MAX_INTEGER for item in items if isinstance(item, int))


def _as_text(component: type[Component], field: str, value: Any) -> Any:
    """Return the text of a whole number that is given for a text, as in ``dataset.target=2``."""
    fields = component.model_fields
    is_text = field in fields and fields[field].annotation in (str, str | None)
    return str(value) if is_text and type(value) is int else value


def _explanation(
    error: ErrorDetails, component: type[Component], values: Mapping[str, Any], path: str
) -> str:
    """Return the message for one error of Pydantic."""
    location = [str(key) for key in error["loc"]]
    if not location:  # the message of a validator of several fields names them
        requirement = _requirement(error, component)
        return _sentence(f"{path}: {requirement}" if path else requirement)
    field = location[0]
    key = f"{path}.{field}" if path else field
    nested, value = _nested_component(component, field), values.get(field)
    if nested and len(location) > 1 and isinstance(value, Mapping):
        rest = error["loc"][1:]
        if typing.get_origin(component.model_fields[field].annotation) is dict:
            key, value, rest = f"{key}.{rest[0]}", value[rest[0]], rest[1:]
        if rest and isinstance(value, Mapping):
            return _explanation({**error, "loc": rest}, nested, value, key)
    if error["type"] == "extra_forbidden":
        known = [name for name in component.model_fields if name != "name"]
        settings = f"{path} has: {', '.join(known)}." if path else _ALL_SETTINGS
        return f"There is no setting {key!r}.{nearest(field, known)} {settings}"
    if field not in values:
        return f"{key} is needed: {component.model_fields[field].description or 'no default'}."
    suggestion = nearest(value, _WORDS.get(key, ())) if isinstance(value, str) else ""
    return _sentence(f"{key}={_text(value)}: {_requirement(error, component)}") + suggestion


def _nested_component(component: type[Component], field: str) -> type[Component] | None:
    """Return the component class that a field holds, or None."""
    if field not in component.model_fields:
        return None
    annotation = component.model_fields[field].annotation
    candidates = (annotation, *typing.get_args(annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, Component)), None)


def _requirement(error: ErrorDetails, component: type[Component]) -> str:
    """Return what the value should be."""
    context = error.get("ctx", {})
    error_type = error["type"]
    if error_type == "literal_error":
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"should be one of {allowed}.{nearest(str(error['input']), allowed.split(', '))}"
    if error_type == "missing":  # within a value: a list that is too short
        annotation = component.model_fields[str(error["loc"][0])].annotation
        return f"has too few values: {len(typing.get_args(annotation))} are needed"
    if error_type in _REQUIREMENTS:
        return _REQUIREMENTS[error_type].format(**context)
    return error["msg"]


def _sentence(text: str) -> str:
    return text if text[-1] in ".?" else f"{text}."


def _text(value: Any) -> str:
    """Return a value as it is written on a command line."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return shortened(value if isinstance(value, str) else json.dumps(value))
