"""The update rules: their couplings, and where their defaults are from."""

from __future__ import annotations

import typing
from typing import Any

from adamcmp.components.optimizers import Rule
from adamcmp.config import CONFIG_GROUPS, component_defaults, optimizer_ranges
from reference_pages.markdown import markdown_section, markdown_table

COUPLINGS: tuple[str, ...] = typing.get_args(Rule.model_fields["coupling"].annotation)


def rule_sections() -> list[str]:
    """Return the tables of couplings, of couplings that do not apply, and of defaults."""
    components = {name: CONFIG_GROUPS["optimizer"].component(name) for name in _names()}
    rules = {name: cls for name, cls in components.items() if issubclass(cls, Rule)}
    return [
        markdown_section("Couplings of each rule", _couplings(rules)),
        markdown_section(
            "Couplings that do not apply",
            "The command ends with the reason. A coupling that applies may still act differently "
            "than with SGD: with `l2`, the penalty changes only the signs of Lion's steps and the "
            "directions of Muon's.",
            _refusals(rules),
        ),
        markdown_section(
            "Settings and defaults",
            "Ranges are those of `lr=default` and `wd=default`.",
            _defaults(rules),
        ),
        markdown_section(
            "Arguments of torch.optim",
            "Each argument of a torch class that changes what it computes is a setting with the "
            "same name, except `weight_decay` and `decoupled_weight_decay`, which are `wd` and the "
            "coupling, and `eps` of `Adafactor`, which is `eps1` and `eps2`. `foreach`, `fused`, "
            "`capturable` and `differentiable` choose how torch computes it. There is no "
            "`maximize`: negate the loss.",
        ),
    ]


def _names() -> list[str]:
    return [name for name in CONFIG_GROUPS["optimizer"].names if name != "torch"]


def _couplings(rules: dict[str, type[Rule]]) -> str:
    rows = [
        [
            f"`{name}`",
            *("–" if coupling in cls.refused_couplings else "✓" for coupling in COUPLINGS),
        ]
        for name, cls in rules.items()
    ]
    return markdown_table(["rule", *(f"`{coupling}`" for coupling in COUPLINGS)], rows)


def _refusals(rules: dict[str, type[Rule]]) -> str:
    rows = []
    for name, cls in rules.items():
        reasons: dict[str, list[str]] = {}
        for coupling, reason in cls.refused_couplings.items():
            reasons.setdefault(reason, []).append(f"`{coupling}`")
        for reason, couplings in reasons.items():
            rows.append([f"`{name}`", ", ".join(couplings), f"{reason}."])
    return markdown_table(["rule", "coupling", "why"], rows)


def _defaults(rules: dict[str, type[Rule]]) -> str:
    rows = []
    for name, cls in rules.items():
        values, ranges = component_defaults("optimizer", name), optimizer_ranges(name)
        settings = {field: values[field] for field in values if field not in Rule.model_fields}
        text = ", ".join(f"`{field}={_text(value)}`" for field, value in settings.items())
        shown = [f"`{ranges[key]}`" if key in ranges else "–" for key in ("lr", "weight_decay")]
        rows.append([f"`{name}`", f"{values['lr']:g}", text, cls.defaults_from, *shown])
    headers = ["rule", "lr", "settings", "defaults from", "range of lr", "range of wd"]
    return markdown_table(headers, rows)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)
