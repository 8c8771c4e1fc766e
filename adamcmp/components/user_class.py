"""Import classes of the user's code by the dotted path in a setting."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from adamcmp.errors import ConfigError, nearest

#: Folders of the standard library and of installed packages.
_INSTALLED = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}


def import_class(path: str, key: str, base: str) -> type[Any]:
    """Import a class of the user's code.

    Args:
        path: Dotted path of the class, such as ``"mypackage.nets.Net"``. The working directory is
            searched too.
        key: The setting that holds the path, for the error message.
        base: Dotted path of the required base class, which is imported only in this function.

    Raises:
        ConfigError: If the class cannot be imported or is not a subclass of `base`.
    """
    value = import_object(path, key)
    base_module, _, base_name = base.rpartition(".")
    base_class = getattr(importlib.import_module(base_module), base_name)
    if not inspect.isclass(value) or not issubclass(value, base_class):
        raise ConfigError(
            f"{key}={path}: should be the dotted path of a class derived from {base}."
        )
    return value


def import_object(path: str, key: str) -> Any:
    """Import a class or function of the user's code.

    Args:
        path: Its dotted path. The working directory is searched too.
        key: The setting that holds the path, for the error message.

    Raises:
        ConfigError: If the module cannot be imported, or has no such object.
    """
    module_name, _, name = path.rpartition(".")
    if not module_name or not all(part.isidentifier() for part in path.split(".")):
        raise ConfigError(f"{key}={path}: should be a dotted path, such as mymodule.Net.")
    _search_working_directory()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the user's module may raise anything
        raise ConfigError(
            f"{key}={path}: cannot import {module_name!r} ({error_reason(error)})."
        ) from error
    if not hasattr(module, name):
        raise ConfigError(
            f"{key}={path}: {module_name} has no {name!r}.{nearest(name, list(vars(module)))}"
        )
    return getattr(module, name)


def source_digest(path: str) -> dict[str, str]:
    """Return ``{"sha256": ...}`` of the source of the module that defines a user's class.

    Comments and formatting are ignored, and imported modules are not included. The result is
    empty for installed packages, which have versions, and for a module that cannot be read.

    Args:
        path: Dotted path of the class.
    """
    _search_working_directory()
    try:
        spec = importlib.util.find_spec(path.rpartition(".")[0])
    except (ImportError, ValueError, AttributeError):
        return {}
    file = Path(spec.origin) if spec and spec.origin and spec.has_location else None
    if file is None or any(file.is_relative_to(folder) for folder in _INSTALLED):
        return {}
    try:
        code = ast.unparse(ast.parse(file.read_bytes()))
    except (OSError, SyntaxError, ValueError):  # `import_class` reports it
        return {}
    return {"sha256": hashlib.sha256(code.encode()).hexdigest()}


def _search_working_directory() -> None:
    """Put the working directory on `sys.path`; console scripts, unlike `python -m`, do not."""
    cwd = os.getcwd()  # noqa: PTH109 - sys.path holds strings
    if cwd not in sys.path:
        sys.path.insert(0, cwd)


def construct(
    factory: Callable[..., Any], arguments: Mapping[str, Any], key: str, *positional: Any
) -> Any:
    """Call a class or function with arguments from a config.

    Args:
        factory: The class or function.
        arguments: Keyword arguments, from the config.
        key: Config key of the component, for the error message.
        positional: Arguments that do not come from the config.

    Raises:
        ConfigError: If an argument is unknown or missing, or the call raises.
    """
    signature = inspect.signature(factory)
    takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    for name in arguments:
        if name not in signature.parameters and not takes_any:
            known = list(signature.parameters)
            raise ConfigError(
                f"{key}: {factory.__name__} takes no argument {name!r}.{nearest(name, known)} "
                f"It takes: {', '.join(known) or 'none'}."
            )
    problem = "cannot be created" if inspect.isclass(factory) else "fails"
    try:
        signature.bind(*positional, **arguments)
    except TypeError as error:  # a missing argument, found before the user's code runs
        raise ConfigError(
            f"{key}: {factory.__name__} {problem} ({error_reason(error)}). "
            f"+{key}.NAME=VALUE sets an argument."
        ) from None
    try:
        return factory(*positional, **arguments)
    except Exception as error:
        raise ConfigError(
            f"{key}: {factory.__name__} {problem} ({error_reason(error)})."
        ) from error


def error_reason(error: Exception) -> str:
    """Return an error in one line, after the file and line of the user's code that raised it."""
    others = (sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]), "<")
    users = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(others) and "site-packages" not in frame.filename
    ]
    place = f"{Path(users[-1].filename).name}, line {users[-1].lineno}: " if users else ""
    message = (str(error) or "no reason given").splitlines()[0]
    return f"{place}{type(error).__name__}: {message}"
