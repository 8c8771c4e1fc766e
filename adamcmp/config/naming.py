"""The name of a study, derived from its overrides."""

from __future__ import annotations

import hashlib
import json
import re

from adamcmp.components.groups import COMPONENT_GROUPS
from adamcmp.config._hydra import Override
from adamcmp.config.overrides import SHORT_KEYS
from adamcmp.config.parameter_space import ParameterSpace
from adamcmp.config.study_config import Execution

#: Keys that are not in a name: they do not affect results, or extend the same study.
_UNNAMED = {
    *("study", "results", "seed", "n", "dataset.root", "dataset.download", "logger"),
    *Execution.model_fields,
}
# Also the limit of `ResultsLocation`.
_MAX_LENGTH = 64
_DIGEST_LENGTH = 8


def study_name(space: ParameterSpace) -> str:
    """Return a readable folder name for a parameter space.

    The name ends in a digest of all settings. It does not depend on the order and form in which
    they are typed. Seeds are excluded, so that more seeds extend the same study.
    """
    entries: dict[str, list[str]] = {}
    for override in (*space.fixed, *space.intervals):
        entries[override.get_key_element()] = [value_text(override)]
    for default in space.default_ranges:
        entries[default.key] = [default.text.partition("=")[2]]
    for axis in space.axes:
        texts = {":".join(map(value_text, value)) for value in axis.values}
        entries[",".join(axis.keys)] = sorted(texts)
    # Settings of the executor, such as executor.partition, are unnamed like the executor.
    entries = {
        key: texts
        for key, texts in sorted(entries.items())
        if key not in _UNNAMED and not key.startswith("executor.")
    }
    digest = hashlib.sha256(json.dumps(entries).encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{_readable_name(entries) or 'defaults'}_{digest}"


def _readable_name(entries: dict[str, list[str]]) -> str:
    """Return the settings that fit in a name, config groups first."""
    groups = list(COMPONENT_GROUPS)
    order = sorted(
        entries, key=lambda key: (groups.index(key) if key in groups else len(groups), key)
    )
    name = ""
    for setting in (_readable(key, entries[key]) for key in order):
        longer = f"{name}_{setting}" if name else setting[: _MAX_LENGTH - _DIGEST_LENGTH - 1]
        name = longer if len(longer) < _MAX_LENGTH - _DIGEST_LENGTH else name
    return name


def value_text(override: Override) -> str:
    """Return the canonical text of an override's value, whatever form was typed."""
    if override.is_interval_sweep():
        return override.get_value_string()
    value = override.value()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # 1.0 and 1 are the same setting
    return override.get_value_element_as_str()


def _readable(keys: str, texts: list[str]) -> str:
    short_keys = {full: key for key, full in SHORT_KEYS.items() if "." not in key}
    names = [short_keys.get(key, re.split(r"[./]", key)[-1]) for key in keys.split(",")]
    numbers = _numbers(texts)
    if len(texts) <= 3:
        values = "-".join(f"{number:g}" for number in numbers) or "-".join(texts)
    elif numbers:
        values = f"{numbers[0]:g}..{numbers[-1]:g}"
    else:
        values = f"{texts[0]}-and-{len(texts) - 1}-more"
    return re.sub(r"[^A-Za-z0-9._]+", "-", "-".join([*names, values])).strip("-._")


def _numbers(texts: list[str]) -> list[float]:
    """Return texts as sorted numbers; empty if one is not a number."""
    try:
        return sorted(float(text) for text in texts)
    except ValueError:
        return []
