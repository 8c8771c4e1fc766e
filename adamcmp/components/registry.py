"""What all parts share: a typed, frozen set of parameters, found by name.

A part (a dataset, model, optimizer rule, schedule or loss) is one file in its room and one yaml
in ``configs/``. The file holds one subclass of the room's base class, whose fields are the
part's parameters; the file's name is the part's name.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
import math
import os
import pkgutil
import sys
import sysconfig
import typing
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from adamcmp.errors import ConfigError, NotFound, nearest


class Component(BaseModel):
    """Base of everything configurable: frozen, strict, finite, no unknown keys."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=()
    )

    #: Fields that say where something is, not what: they are no part of a run's identity.
    not_identity: ClassVar[frozenset[str]] = frozenset()

    def identity(self) -> dict[str, Any]:
        """Return everything that can change a run's numbers, as plain JSON values."""
        return self.model_dump(mode="json", exclude=set(self.not_identity))

    @cached_property
    def canonical(self) -> str:
        """`identity` as canonical JSON, made once: runs share parts, and there may be thousands.

        A file of the user's own that it speaks of is read once, then; each composed study has
        parts of its own.
        """
        return canonical(self.identity())

    def __copy__(self) -> Self:
        copied = super().__copy__()  # what `model_copy` then changes
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


P = TypeVar("P", bound=Component)


def canonical(value: Any) -> str:
    """Return plain values as JSON, the same text for the same values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@cache
def names(room: str) -> tuple[str, ...]:
    """Return the names of all parts in a room, such as ``"models"``, sorted."""
    package = importlib.import_module(f"adamcmp.components.{room}")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def lookup(room: str, name: str, base: type[P]) -> type[P]:
    """Return the class of part `name` in `room`.

    Raises:
        NotFound: When no file of that name lies in the room.
    """
    if name not in names(room):
        known = names(room)
        raise NotFound(
            f"There is no {name!r} among the {room}.{nearest(name, known)} "
            f"There are: {', '.join(known)}."
        )
    module = importlib.import_module(f"adamcmp.components.{room}.{name}")
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise TypeError(
            f"{module.__name__} must hold exactly one {base.__name__}, not {len(found)}"
        )
    return found[0]


def build(part: type[P], values: Mapping[str, Any], where: str) -> P:
    """Validate plain values into a part.

    Args:
        part: The class whose fields say what is allowed.
        values: Plain JSON values, as a config holds them.
        where: The dotted path of these values in the config, for the error's text.

    Raises:
        ConfigError: One or two lines: which key, which value, and what would be right.
    """
    try:
        # Through JSON, since strict validation of JSON takes a list for a tuple.
        return part.model_validate_json(json.dumps(dict(values)))
    except ValidationError as error:
        raise ConfigError(_explain(error.errors()[0], part, values, where)) from None


def _explain(
    error: ErrorDetails, part: type[Component], values: Mapping[str, Any], where: str
) -> str:
    location = [str(place) for place in error["loc"]]
    if not location:  # a rule about several fields says itself what is wrong
        return _sentence(f"{where}: {_reason(error, part)}" if where else _reason(error, part))
    key = ".".join([*filter(None, [where]), location[0]])
    inner, within = _inner(part, location[0]), values.get(location[0])
    if inner and len(location) > 1 and isinstance(within, Mapping):
        return _explain({**error, "loc": error["loc"][1:]}, inner, within, key)
    if error["type"] == "extra_forbidden":
        known = [name for name in part.model_fields if name != "name"]
        settings = f" It has: {', '.join(known)}." if known else ""
        return f"There is no setting {key!r}.{nearest(location[0], known)}{settings}"
    if location[0] not in values:
        return (
            f"{key} is needed: {part.model_fields[location[0]].description or 'it has no default'}."
        )
    return _sentence(f"{key}={_show(values[location[0]])}: {_reason(error, part)}")


def _inner(part: type[Component], name: str) -> type[Component] | None:
    """Return the part that a field of this name holds, if it holds one."""
    if name not in part.model_fields:
        return None
    annotation = part.model_fields[name].annotation
    kinds = (annotation, *typing.get_args(annotation))
    return next(
        (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Component)), None
    )


def _reason(error: ErrorDetails, part: type[Component]) -> str:
    """Say what would be right, in the words of a person who typed a command."""
    context = error.get("ctx", {})
    kind = error["type"]
    if kind == "literal_error":
        allowed = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        return f"should be one of {allowed}.{nearest(str(error['input']), allowed.split(', '))}"
    if kind == "missing":  # within a value: a list that is too short
        wanted = len(typing.get_args(part.model_fields[str(error["loc"][0])].annotation))
        return f"has too few values: {wanted} are wanted"
    phrases = {
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
        "too_long": "has too many values: {max_length} are wanted",
        "value_error": "{error}",
    }
    return phrases[kind].format(**context) if kind in phrases else error["msg"]


def _sentence(text: str) -> str:
    return text if text[-1] in ".?" else f"{text}."


def _show(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str) else json.dumps(value)


def import_class(path: str, where: str, base: str) -> type[Any]:
    """Import the user's own class from a dotted path.

    Args:
        path: Such as ``"mypackage.nets.Net"``; the working directory is searched too.
        where: The setting that held the path, for the error's text.
        base: Dotted path of the class that it must be a subclass of.

    Raises:
        ConfigError: When it cannot be imported or is not a class of that kind.
    """
    module_name, _, name = path.rpartition(".")
    _search_here()
    try:
        module = importlib.import_module(module_name) if module_name else None
    except Exception as error:  # the user's own module may fail in any way
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{where}={path}: cannot import {module_name!r} ({reason}).") from error
    found = getattr(module, name, None)
    wanted_module, _, wanted = base.rpartition(".")
    kind = getattr(importlib.import_module(wanted_module), wanted)
    if not inspect.isclass(found) or not issubclass(found, kind):
        known = [n for n, v in vars(module).items() if inspect.isclass(v)] if module else []
        raise ConfigError(
            f"{where}={path}: should be the dotted path of a class derived from {base}."
            f"{nearest(name, known)}"
        )
    return found


def own_source(path: str) -> dict[str, str]:
    """Return what tells apart versions of the user's own class: ``sha256`` of its module's source.

    Comments and layout do not count; what the module imports in turn is not looked at. Nothing is
    returned for installed packages, whose versions are theirs to tell, and where there is no such
    module.

    Args:
        path: The class's dotted path.
    """
    _search_here()
    try:
        found = importlib.util.find_spec(path.rpartition(".")[0])
    except (ImportError, ValueError, AttributeError):
        return {}
    file = Path(found.origin) if found and found.origin and found.has_location else None
    if file is None or any(file.is_relative_to(folder) for folder in _INSTALLED):
        return {}
    try:
        code = ast.unparse(ast.parse(file.read_bytes()))
    except (OSError, SyntaxError, ValueError):  # importing it will say what is wrong
        return {}
    return {"sha256": hashlib.sha256(code.encode()).hexdigest()}


_INSTALLED = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}


def _search_here() -> None:
    """Search the working directory, which console scripts, unlike `python -m`, do not."""
    cwd = os.getcwd()  # noqa: PTH109 - sys.path holds strings
    if cwd not in sys.path:
        sys.path.insert(0, cwd)


def construct(
    make: Callable[..., Any], arguments: Mapping[str, Any], where: str, *first: Any
) -> Any:
    """Call the user's own class, or a library's builder, with arguments from a config.

    Args:
        make: The class or function.
        arguments: Its keyword arguments.
        where: The part of the config that they come from, for the error's text.
        first: Arguments before them that are not the user's.

    Raises:
        ConfigError: For an argument that it does not take, one that is missing, or when it
            refuses them itself.
    """
    signature = inspect.signature(make)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for name in arguments:
        if name not in signature.parameters and not takes_any:
            known = list(signature.parameters)
            raise ConfigError(
                f"{where}: {make.__name__} takes no argument {name!r}.{nearest(name, known)} "
                f"It takes: {', '.join(known)}."
            )
    try:
        signature.bind(*first, **arguments)
        return make(*first, **arguments)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigError(f"{where}: {make.__name__} cannot be made so ({reason}).") from error
