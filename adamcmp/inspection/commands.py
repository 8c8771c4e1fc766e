"""The overrides that select a rule with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import yaml

from adamcmp.components.optimizers import Rule
from adamcmp.config import component_defaults
from adamcmp.inspection.candidates import specific_fields

#: Settings that an override names in its short form.
_SHORT = {"lr": "lr", "weight_decay": "wd"}


def overrides_of(rule: Rule) -> list[str]:
    """Return the overrides of `adamcmp run` for a rule.

    The optimizer is the yaml file of the rule from which the fewest settings differ. Coupling and
    lr are always named, and wd unless it is 0 in the file too.

    >>> from adamcmp.inspection.candidates import build_rule
    >>> rule = build_rule("adam", 0.001, {"coupling": "decoupled", "weight_decay": 0.1})
    >>> overrides_of(rule)
    ['optimizer=adamw', 'optimizer.coupling=decoupled', 'lr=0.001', 'wd=0.1']
    """
    fields = ("coupling", "lr", "weight_decay", "cautious", *sorted(specific_fields(type(rule))))
    values = {name: _plain(getattr(rule, name)) for name in fields if name != "rule"}
    defaults = {name: component_defaults("optimizer", name) for name in _files(rule.rule)}
    optimizer = min(defaults, key=lambda name: len(_different(values, defaults[name])))
    different = _different(values, defaults[optimizer])
    decays = rule.weight_decay or defaults[optimizer]["weight_decay"]
    named = ("coupling", "lr", *(("weight_decay",) if decays else ()))
    return [
        f"optimizer={optimizer}",
        *(_override(name, values[name]) for name in values if name in named or name in different),
    ]


def _files(rule: str) -> list[str]:
    """Return the names of the yaml files of a rule, its own first."""
    folder = files("adamcmp.configs") / "optimizer"
    contents = {
        file.name.removesuffix(".yaml"): yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if file.name.endswith(".yaml") and not file.name.startswith("_")
    }

    def rule_of(name: str) -> str:
        """Return the rule of a file, which may be that of a file in its defaults list."""
        content = contents[name]
        bases = [b for b in content.get("defaults", ()) if isinstance(b, str) and b in contents]
        return str(content["rule"]) if "rule" in content else rule_of(bases[0])

    names = [name for name in contents if rule_of(name) == rule]
    return sorted(names, key=lambda name: (name != rule, name))


def _different(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    ignored = ("lr", "weight_decay")
    return [name for name, v in values.items() if name not in ignored and defaults.get(name) != v]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _override(name: str, value: Any) -> str:
    key = _SHORT.get(name, f"optimizer.{name}")
    return f"{key}={_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)
