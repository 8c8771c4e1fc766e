"""One word of a command line: Hydra's grammar, with short keys and sweep functions of ours.

No annotations as text here: Hydra checks a function's arguments against its signature.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from typing import Any

from antlr4 import InputStream  # type: ignore[import-untyped]
from hydra._internal.grammar.functions import FunctionCall, Functions
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser, create_functions
from hydra.core.override_parser.overrides_visitor import HydraErrorListener
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    Override,
    RangeSweep,
    Sweep,
    ValueType,
)
from hydra.errors import HydraException
from hydra.grammar.gen.OverrideLexer import OverrideLexer

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

#: More runs than any study holds; a slip of the finger may ask for more than memory holds.
MOST_RUNS = 100_000
_SHORTER = {full: key for key, full in SHORT.items() if "." not in key}
_WORD = re.compile(r"([+~]*)([\w./@]+)(=.*)?", re.DOTALL)
#: Functions that take several values; a sweep among them stands for its values.
_TAKE_VALUES = ("choice", "sort", "shuffle", "str", "int", "float", "bool")
_OPEN = (OverrideLexer.POPEN, OverrideLexer.BRACKET_OPEN, OverrideLexer.BRACE_OPEN)
_CLOSE = (OverrideLexer.PCLOSE, OverrideLexer.BRACKET_CLOSE, OverrideLexer.BRACE_CLOSE)
_NESTED = "several values cannot stand in one place of a list; write KEY=[1,2],[1,3]"
COMMA, COLON = OverrideLexer.COMMA, OverrideLexer.COLON

Number = int | float


def long(word: str) -> str:
    """Return a word with its short key replaced by the setting that it stands for."""
    match = _WORD.fullmatch(word)
    if match and match[2] in SHORT:
        return f"{match[1]}{SHORT[match[2]]}{match[3] or ''}"
    return word


def typed(word: str) -> str:
    """Return a word with its setting replaced by the short key for it, where there is one."""
    key, equals, value = word.partition("=")
    return f"{_SHORTER.get(key, key)}{equals}{value}"


def as_typed(text: str, words: list[str]) -> str:
    """Return an error about a setting with the setting named by the short key that was typed."""
    keys = (key.strip() for word in words for key in re.split(r"[(),]", word.partition("=")[0]))
    for key in keys:
        if key in SHORT and text.startswith(f"{SHORT[key]}="):
            return key + text.removeprefix(SHORT[key])
    return text


class Grammar:
    """Reads words.

    Args:
        loader: Knows the options of config groups, for ``glob``.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        known = create_functions()
        functions = _Functions(known.definitions, known.functions)
        for name, function in SWEEPS.items():
            functions.register(name, function)
        self._parser = OverridesParser(functions, loader)

    def override(self, word: str) -> Override:
        """Return what a word says, as Hydra holds it.

        Raises:
            ConfigError: When it cannot be read, or a function in it refuses its arguments.
        """
        try:
            (parsed,) = self._parser.parse_overrides([long(word)])
        except HydraException as error:
            raise ConfigError(self._explain(word, error.__cause__)) from None
        if not parsed.is_sweep_override() and _holds_sweep(parsed._value):
            raise ConfigError(f"{word}: {_NESTED}.")
        return parsed

    def values(self, override: Override) -> list[Override]:
        """Return a word for each of the values of a word, in Hydra's order.

        A value is what Hydra's own sweeper makes of it: written out, and read anew.

        Raises:
            ConfigError: When there is no list of values, as for an interval, or more of them than
                a study holds runs.
        """
        try:
            flat = _flat(override, override._value)
            found = [self._with(override, value) for value in islice(flat, MOST_RUNS + 1)]
            if len(found) > MOST_RUNS:
                raise ValueError(f"more than {MOST_RUNS:,} values")
            return found
        except (HydraException, ValueError) as error:
            raise ConfigError(f"{override.input_line}: {error}.") from None

    def _with(self, override: Override, value: Any) -> Override:
        one = replace(override, _value=value, value_type=ValueType.ELEMENT)
        one.input_line = f"{override.get_key_element()}={one.get_value_element_as_str()}"
        if value is None or isinstance(value, int | float):
            return one  # reading it would give it back
        return self.override(one.input_line)

    def _explain(self, word: str, cause: BaseException | None) -> str:
        text = " ".join(str(cause).split()).rstrip(".") if cause else ""
        unknown = re.match(r"Unknown function '(\w+)'", text)
        if unknown:
            known = sorted(self._parser.functions.definitions)
            return (
                f"{word}: there is no function {unknown[1]!r}.{nearest(unknown[1], known)} "
                f"There are: {', '.join(known)}."
            )
        if text and isinstance(cause, ConfigError | TypeError | ValueError):
            return f"{word}: {text}."
        return (
            f"Cannot read {word!r}: a setting is key=value, +key=value or ~key "
            f"(quote values that hold spaces, commas or brackets)."
        )


class _Functions(Functions):
    """Hydra's functions, where a sweep among several values stands for its values."""

    def eval(self, func: FunctionCall) -> Any:
        if func.name in _TAKE_VALUES and len(func.args) > 1:
            args = [value for argument in func.args for value in _members(argument)]
            func = FunctionCall(func.name, args, func.kwargs)
        return super().eval(func)


def _members(value: Any) -> list[Any]:
    if isinstance(value, ChoiceSweep):
        return value.list
    return list(value.range()) if isinstance(value, RangeSweep) else [value]


def _flat(override: Override, value: Any) -> Iterator[Any]:
    """Yield the values of a sweep, sweeps among them replaced by their values."""
    kinds = {
        ChoiceSweep: ValueType.CHOICE_SWEEP,
        RangeSweep: ValueType.RANGE_SWEEP,
        Glob: ValueType.GLOB_CHOICE_SWEEP,
    }
    if type(value) in kinds:
        part = replace(override, _value=value, value_type=kinds[type(value)])
        for member in part.sweep_iterator():
            yield from _flat(override, member)
    elif isinstance(value, Sweep):
        raise ValueError("an interval has no list of values")
    else:
        if _holds_sweep(value):
            raise ValueError(_NESTED)
        yield value


def _holds_sweep(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_holds_sweep, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Sweep | Glob)


def split(text: str, separator: int) -> list[str]:
    """Split at a kind of token that is in no bracket or quotes.

    Args:
        text: Values, without a key.
        separator: `COMMA` or `COLON`.

    Raises:
        HydraException: When the text cannot be cut into tokens.
    """
    parts, depth = [""], 0
    for token in _tokens(text):
        depth += (token.type in _OPEN) - (token.type in _CLOSE)
        if token.type == separator and not depth:
            parts.append("")
        else:
            parts[-1] += token.text
    return parts


def unwrapped(text: str) -> str | None:
    """Return what is between the round brackets around a text; None where there are none."""
    tokens = _tokens(text)
    if len(tokens) < 2 or tokens[0].type != OverrideLexer.POPEN:
        return None
    if tokens[-1].type != OverrideLexer.PCLOSE:
        return None
    return "".join(token.text for token in tokens[1:-1])


def _tokens(text: str) -> list[Any]:
    lexer = OverrideLexer(InputStream(text))
    lexer.removeErrorListeners()
    lexer.addErrorListener(HydraErrorListener())
    lexer.mode(OverrideLexer.VALUE_MODE)
    tokens: list[Any] = lexer.getAllTokens()
    return tokens


def logspace(start: Number, stop: Number, n: int) -> ChoiceSweep:
    """Sweep over n numbers from start to stop, both included, in equal ratios.

    They are rounded to 6 digits, so that what is typed by hand is the same setting.
    """
    _check(1 <= n <= MOST_RUNS, f"logspace wants 1 to {MOST_RUNS:,} numbers, not n={n}")
    _check(start > 0 and stop > 0, "logspace wants a start and a stop above 0")
    first, last = math.log10(start), math.log10(stop)
    return _between(start, stop, n, lambda share: f"{10 ** (first + share * (last - first)):.6g}")


def linspace(start: Number, stop: Number, n: int) -> ChoiceSweep:
    """Sweep over n numbers from start to stop, both included, in equal steps (to 12 digits)."""
    _check(1 <= n <= MOST_RUNS, f"linspace wants 1 to {MOST_RUNS:,} numbers, not n={n}")
    return _between(start, stop, n, lambda share: f"{start + share * (stop - start):.12g}")


def powers(base: Number, first: int, last: int) -> ChoiceSweep:
    """Sweep over base^first, base^(first + 1) … base^last, each exact."""
    _check(base > 0, "powers wants a base above 0")
    _check(first <= last, f"powers wants the lower exponent first, powers({base},{last},{first})")
    _check(max(-first, last) <= 1100, "powers wants exponents between -1100 and 1100")
    exact = [Fraction(str(base)) ** exponent for exponent in range(first, last + 1)]
    try:
        numbers = [float(power) for power in exact]
    except OverflowError:
        raise ConfigError(f"{base}^{last} is too large for a number") from None
    whole = isinstance(base, int)
    return ChoiceSweep(simple_form=True, list=[_whole(n) if whole else n for n in numbers])


#: Sweep functions beside Hydra's own.
SWEEPS = {"logspace": logspace, "linspace": linspace, "powers": powers}


def _between(start: Number, stop: Number, n: int, at: Callable[[float], str]) -> ChoiceSweep:
    """Sweep over start, n - 2 numbers at equal shares of the way, and stop; start for n = 1."""
    inner = [float(at(i / (n - 1))) for i in range(1, n - 1)]
    numbers: list[Any] = [start] if n == 1 else [start, *inner, stop]
    if isinstance(start, int) and isinstance(stop, int):
        numbers = [_whole(number) for number in numbers]
    return ChoiceSweep(simple_form=True, list=numbers)


def _whole(number: float) -> Number:
    """Return a whole number as an int, as settings like batch_size want it."""
    return int(number) if number == int(number) else number


def _check(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ConfigError(otherwise)
