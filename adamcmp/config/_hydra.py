"""Adapter to Hydra, and to the undocumented interfaces of OmegaConf.

Composing a config once per choice of config groups, and applying values to a copy of it, needs
Hydra's internals. Only this module imports Hydra; tests/config/test_hydra.py lists the tested
versions.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from antlr4 import InputStream  # type: ignore[import-untyped]
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.bash_completion import BashCompletion
from hydra._internal.grammar.functions import FunctionCall, Functions
from hydra._internal.utils import create_config_search_path
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.overrides_visitor import HydraErrorListener
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    Override,
    Quote,
    QuotedString,
    Sweep,
    ValueType,
)
from hydra.core.utils import JobRuntime, setup_globals
from hydra.errors import HydraException
from hydra.grammar.gen.OverrideLexer import OverrideLexer
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from adamcmp.errors import ConfigError

#: What the other modules of this package use of Hydra by itself.
__all__ = ["ChoiceSweep", "ConfigLoader", "HydraException", "Override"]

#: Functions of Hydra's grammar that take several values.
_MULTI_VALUE_FUNCTIONS = ("choice", "sort", "shuffle", "str", "int", "float", "bool")
_OPENING = (OverrideLexer.POPEN, OverrideLexer.BRACKET_OPEN, OverrideLexer.BRACE_OPEN)
_CLOSING = (OverrideLexer.PCLOSE, OverrideLexer.BRACKET_CLOSE, OverrideLexer.BRACE_CLOSE)
NESTED_SWEEP = "one element of a list cannot have several values; write KEY=[1,2],[1,3]"
COMMA, COLON = OverrideLexer.COMMA, OverrideLexer.COLON

#: Exceptions that Hydra and OmegaConf raise for an invalid config.
ERRORS = (HydraException, OmegaConfBaseException)


def create_loader(
    package: str, config_dir: Path | None, precedence: Sequence[Path] = ()
) -> ConfigLoader:
    """Return Hydra's loader of the yaml files of a package and of folders.

    Args:
        package: The package.
        config_dir: A folder whose files add to those of the package.
        precedence: Folders whose files replace those of the package, the first one first.
    """
    setup_globals()  # the resolvers that Hydra's own config uses
    JobRuntime.instance().set("name", "adamcmp")
    search_path = create_config_search_path(f"pkg://{package}")
    if config_dir is not None:
        # As Hydra does for its option --config-dir.
        search_path.prepend("command-line", f"file://{config_dir}", anchor="schema")
    for folder in reversed(precedence):
        search_path.prepend("precedence", f"file://{folder}")
    return _Loader(search_path)


class _Loader(ConfigLoaderImpl):
    """Hydra's loader. A file whose name begins with ``_`` is a part of others and no option."""

    def get_group_options(self, *args: Any, **kwargs: Any) -> list[str]:
        options = super().get_group_options(*args, **kwargs)
        return [option for option in options if not option.startswith("_")]


def load_config(loader: ConfigLoader, overrides: Sequence[str]) -> DictConfig:
    """Return the composed config of one run, with Hydra's own config in its node ``hydra``.

    Raises:
        HydraException: If an override or a yaml file is invalid.
        OmegaConfBaseException: If a value in it does not fit.
    """
    return loader.load_configuration("config", list(overrides), RunMode.RUN)


def group_options(loader: ConfigLoader, group: str) -> list[str]:
    """Return the names of a config group's options; empty for a key that is not a group."""
    return sorted(loader.get_group_options(group, results_filter=ObjectType.CONFIG))


def create_parser(
    loader: ConfigLoader, functions: Mapping[str, Callable[..., Any]]
) -> OverridesParser:
    """Return a parser of Hydra's override grammar.

    Args:
        loader: Lists the options of config groups, for the function ``glob``.
        functions: Functions that the parser accepts in addition to Hydra's, or instead of those of
            the same name.
    """
    default = create_functions()
    extended = _Functions(default.definitions, default.functions)
    for name, function in functions.items():
        extended.definitions.pop(name, None)
        extended.register(name, function)
    return OverridesParser(extended, loader)


def function_names(parser: OverridesParser) -> list[str]:
    """Return the names of the functions that a parser accepts, sorted."""
    return sorted(parser.functions.definitions)


class _Functions(Functions):
    """Hydra's functions; a sweep among several arguments is replaced by its values."""

    def eval(self, func: FunctionCall) -> Any:
        if func.name in _MULTI_VALUE_FUNCTIONS and len(func.args) > 1:
            args = [value for argument in func.args for value in _sweep_values(argument)]
            func = FunctionCall(func.name, args, func.kwargs)
        return super().eval(func)


def _sweep_values(value: Any) -> list[Any]:
    return value.list if isinstance(value, ChoiceSweep) else [value]


def has_nested_sweep(override: Override) -> bool:
    """Return whether a list or mapping in an override's value holds a sweep."""
    return not override.is_sweep_override() and _holds_sweep(override._value)


def iterate_sweep(override: Override) -> Iterator[Any]:
    """Yield the values of a sweep; nested sweeps are replaced by their values.

    Raises:
        ValueError: If the sweep is an interval, which has no list of values.
    """
    yield from _iterate(override, override._value)


def _iterate(override: Override, value: Any) -> Iterator[Any]:
    value_types = {ChoiceSweep: ValueType.CHOICE_SWEEP, Glob: ValueType.GLOB_CHOICE_SWEEP}
    if type(value) in value_types:
        sweep = dataclasses.replace(override, _value=value, value_type=value_types[type(value)])
        for member in sweep.sweep_iterator():
            yield from _iterate(override, member)
    elif isinstance(value, Sweep):
        raise ValueError("an interval has no list of values")
    else:
        if _holds_sweep(value):
            raise ValueError(NESTED_SWEEP)
        yield value


def _holds_sweep(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_holds_sweep, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Sweep | Glob)


def with_value(override: Override, value: Any) -> Override:
    """Return the override of the same key with one value."""
    single = dataclasses.replace(override, _value=value, value_type=ValueType.ELEMENT)
    # The copied line is that of the whole sweep, but it is parsed again and shown to users.
    single.input_line = f"{override.get_key_element()}={single.get_value_element_as_str()}"
    return single


def quoted(text: str) -> str:
    """Return a text in quotes, which Hydra's grammar reads as this text whatever it contains."""
    return QuotedString(text, Quote.double).with_quotes()


def split(text: str, separator: int) -> list[str]:
    """Split a value at a separator that is not within brackets or quotes.

    Args:
        text: The value of an override, without its key.
        separator: `COMMA` or `COLON`.

    Raises:
        HydraException: If the text is not in Hydra's grammar.
    """
    pieces, depth = [""], 0
    for token in _tokens(text):
        depth += (token.type in _OPENING) - (token.type in _CLOSING)
        if token.type == separator and not depth:
            pieces.append("")
        else:
            pieces[-1] += token.text
    return pieces


def strip_parentheses(text: str) -> str | None:
    """Return the text between a leading and a trailing parenthesis; None without them."""
    tokens = _tokens(text)
    if len(tokens) < 2 or tokens[0].type != OverrideLexer.POPEN:
        return None
    if tokens[-1].type != OverrideLexer.PCLOSE:
        return None
    return "".join(token.text for token in tokens[1:-1])


def _tokens(text: str) -> list[Any]:
    lexer = OverrideLexer(InputStream(text))
    # ANTLR's default listener prints to stderr; Hydra's raises an exception.
    lexer.removeErrorListeners()
    lexer.addErrorListener(HydraErrorListener())
    lexer.mode(OverrideLexer.VALUE_MODE)
    tokens: list[Any] = lexer.getAllTokens()
    return tokens


def listed_texts(override: Override) -> list[str]:
    """Return the values of a list ``A,B`` or ``choice(A,B)`` as typed; [] for other sweeps."""
    typed = str(override.input_line).partition("=")[2]
    if not isinstance(override._value, ChoiceSweep):
        return []
    if override._value.simple_form:
        return split(typed, COMMA)
    within = strip_parentheses(typed.removeprefix("choice")) if typed.startswith("choice") else None
    return split(within, COMMA) if within else []


def apply_overrides(overrides: Sequence[Override], config: DictConfig) -> None:
    """Set values in a composed config, in place.

    Raises:
        ConfigError: If a value does not fit.
    """
    try:
        ConfigLoaderImpl._apply_overrides_to_config(list(overrides), config)
    except ERRORS as error:
        raise ConfigError(first_line(error)) from None


def plain_values(config: DictConfig) -> dict[str, Any]:
    """Return a composed config as plain values, with references resolved.

    Raises:
        ConfigError: If a reference cannot be resolved.
    """
    try:
        # The validation reports missing values (???), with the key and what is allowed.
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    except OmegaConfBaseException as error:
        raise ConfigError(first_line(error)) from None
    return typing.cast("dict[str, Any]", plain)


def is_section(config: DictConfig, key: str) -> bool:
    """Return whether a key of a config holds a mapping."""
    return isinstance(config._get_node(key), DictConfig)


def dotted_keys(config: DictConfig) -> list[str]:
    """Return the dotted keys of all values in a composed config."""
    keys = []
    for key in config:
        node = config._get_node(key)
        nested = dotted_keys(node) if isinstance(node, DictConfig) else None
        keys += [str(key)] if nested is None else [f"{key!s}.{path}" for path in nested]
    return keys


def complete_keys(loader: ConfigLoader, line: str) -> list[str]:
    """Return Hydra's shell completions of the last override of a command line."""
    return list(BashCompletion(loader)._query(config_name="config", line=line))


def first_line(error: Exception) -> str:
    """Return the first line of an error's message; Hydra appends its internal state."""
    return str(error).strip().splitlines()[0]
