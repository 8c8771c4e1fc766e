"""Parse the overrides of a command line into a parameter space."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from adamcmp.config import _hydra
from adamcmp.config._hydra import HydraException, Override
from adamcmp.config.overrides import Grammar, expand_key
from adamcmp.config.parameter_space import Axis, DefaultRange, ParameterSpace
from adamcmp.errors import ConfigError

#: ``zip(lr,wd)=…`` or ``lr,wd=…``.
_PAIRED = re.compile(r"(?:zip\(([^()]*)\)|([\w./@+~]+(?:,[\w./@+~]+)+))=(.*)", re.DOTALL)
#: ``lr=default``, ``wd=default(5)``: the recommended range of the optimizer.
_DEFAULT_RANGE = re.compile(r"(optimizer\.(?:lr|weight_decay))=default(?:\(([^()]*)\))?")

#: Keys that set the same as another key: ``steps=100`` replaces ``epochs=3``.
ALTERNATIVES = {
    "seeds": "seed",
    "steps": "epochs",
    "eval.every_steps": "eval.every",
    "lr_wd": "optimizer.weight_decay",
}

Entry = Override | Axis | DefaultRange


def parse_space(overrides: Iterable[str], grammar: Grammar) -> ParameterSpace:
    """Return the parameter space that overrides define. Of a repeated key, the last one counts.

    Raises:
        ConfigError: If an override cannot be parsed, or two different ones set the same.
    """
    entries: dict[tuple[str, ...], tuple[str, Entry]] = {}
    notices = []
    for text in overrides:
        override = _as_seed_range(text)
        entry: Entry = (
            _parse_default_range(override)
            or _parse_paired(override, grammar)
            or _parse_single(override, grammar)
        )
        keys = ("seeds",) if override != text else _keys(entry)
        earlier = entries[keys][0] if keys in entries else text
        if earlier != text:
            notices.append(f"{earlier} has no effect, since {text} follows.")
        entries[keys] = text, entry
    _check_set_once(dict(entries.values()))
    return ParameterSpace(tuple(entry for _, entry in entries.values()), tuple(notices))


def _keys(entry: Entry) -> tuple[str, ...]:
    if isinstance(entry, DefaultRange):
        return (entry.key,)
    return entry.keys if isinstance(entry, Axis) else (entry.get_key_element(),)


def _check_set_once(entries: Mapping[str, Entry]) -> None:
    """Check that no two overrides set a key, or alternatives to each other."""
    texts: dict[str, str] = {}
    for text, entry in entries.items():
        overrides: Iterable[Override] = ()
        if not isinstance(entry, DefaultRange):
            overrides = itertools.chain(*entry.values) if isinstance(entry, Axis) else (entry,)
        nullable = {o.get_key_element() for o in overrides if o.value() is None}
        for key in _keys(entry):
            # As in steps=null,100: null leaves the choice to the alternative.
            name = key if key in nullable else ALTERNATIVES.get(key, key)
            if name in texts:
                raise ConfigError(f"{texts[name]} and {text}: set only one of them.")
            texts[name] = text


def is_multirun(override: str, grammar: Grammar) -> bool:
    """Return whether an override has several values."""
    if override.startswith("seeds=") or _PAIRED.fullmatch(override):
        return True
    if _parse_default_range(override):
        return True
    return grammar.parse(override).is_sweep_override()


def _parse_default_range(text: str) -> DefaultRange | None:
    """Parse ``lr=default`` or ``lr=default(5)``."""
    match = _DEFAULT_RANGE.fullmatch(expand_key(text))
    if match is None:
        return None
    key, number = match.groups()
    if number is not None and not re.fullmatch("0*[1-9][0-9]{0,3}", number):
        raise ConfigError(f"{text}: should be default, or default(5) for another number of values.")
    return DefaultRange(key, None if number is None else int(number), text)


def _parse_single(text: str, grammar: Grammar) -> Override | Axis:
    override = grammar.parse(text)
    if not override.is_sweep_override() or override.is_interval_sweep():
        return override
    values = tuple((value,) for value in grammar.expand_sweep(override))
    return Axis((override.get_key_element(),), values)


def _as_seed_range(override: str) -> str:
    """Return ``seed=range(5)`` for ``seeds=5``, and other overrides as they are."""
    if not override.startswith("seeds="):
        return override
    number = override.removeprefix("seeds=")
    if not re.fullmatch(r"\+?0*[1-9][0-9]*", number):
        raise ConfigError(f"{override}: should be a whole number of at least 1, like seeds=5.")
    return f"seed=range({int(number)})"


def _parse_paired(text: str, grammar: Grammar) -> Axis | None:
    """Parse ``lr,wd=1e-3:0.1,1e-2:0.01``, also written ``zip(lr,wd)=(1e-3,0.1),(1e-2,0.01)``.

    Each item holds one value per key, or sweeps of equal length: ``logspace(…):powers(…)``.
    """
    match = _PAIRED.fullmatch(text)
    if match is None:
        return None
    keys = [key.strip() for key in (match[1] or match[2] or "").split(",")]
    try:
        items = [(item, _item_values(item)) for item in _hydra.split(match[3], _hydra.COMMA)]
    except HydraException:
        raise ConfigError(f"Cannot read {text!r}: {_paired_example(keys)}") from None
    values: list[tuple[Override, ...]] = []
    for item, item_values in items:
        if len(item_values) != len(keys) or not all(item_values):
            raise ConfigError(
                f"{text}: {item or 'nothing'} should hold {len(keys)} values, one per key: "
                f"{_paired_example(keys)}"
            )
        overrides = [grammar.parse(f"{k}={v}") for k, v in zip(keys, item_values, strict=True)]
        values += _paired_values(text, keys, [grammar.expand_sweep(o) for o in overrides])
    full_keys = tuple(override.get_key_element() for override in overrides)
    if len(set(full_keys)) < len(full_keys):
        raise ConfigError(f"{text}: a key is set twice. Name each key once.")
    return Axis(full_keys, tuple(values))


def _paired_values(
    text: str, keys: Sequence[str], columns: Sequence[Sequence[Override]]
) -> list[tuple[Override, ...]]:
    """Return the values of one item of paired keys, from the values of each key."""
    if len({len(column) for column in columns}) > 1:
        counts = (f"{len(c)} values of {key}" for key, c in zip(keys, columns, strict=True))
        raise ConfigError(f"{text}: {' but '.join(counts)}; paired keys need equally many values.")
    return list(zip(*columns, strict=True))


def _item_values(item: str) -> list[str]:
    within = _hydra.strip_parentheses(item)
    if within is None:
        return _hydra.split(item, _hydra.COLON)
    return _hydra.split(within, _hydra.COMMA)


def _paired_example(keys: Sequence[str]) -> str:
    first, second = (":".join(f"{letter}{i + 1}" for i in range(len(keys))) for letter in "ab")
    return f"paired settings are {','.join(keys)}={first},{second}"
