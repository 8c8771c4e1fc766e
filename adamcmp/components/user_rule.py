"""Update rules of the user's code: classes derived from `Rule`, by their dotted path."""

from __future__ import annotations

import inspect

from adamcmp.components.optimizers import Rule
from adamcmp.components.trusted_code import check_code
from adamcmp.components.user_class import import_class
from adamcmp.errors import ConfigError


def is_users_rule(name: str) -> bool:
    """Return whether the name of a rule is the dotted path of a class in the user's code."""
    return "." in name


def import_rule(path: str) -> type[Rule]:
    """Import a rule of the user's code.

    Args:
        path: Dotted path of the class. The working directory is searched too.

    Raises:
        ConfigError: If the class cannot be imported, is not derived from `Rule`, or is incomplete.
        UntrustedCode: If it is not trusted; see `adamcmp.components.trusted_code`.
    """
    key = "optimizer.rule"
    check_code(path, key)
    rule: type[Rule] = import_class(path, key, "adamcmp.components.optimizers.Rule")
    if inspect.isabstract(rule):
        missing = sorted(rule.__abstractmethods__)
        raise ConfigError(f"{key}={path}: the class does not define {', '.join(missing)}.")
    fields = rule.model_fields.keys() - Rule.model_fields.keys()
    if not hasattr(rule, "number_fields"):
        raise ConfigError(
            f"{key}={path}: the class needs number_fields: ClassVar[frozenset[str]], the names of "
            f"its settings that lanes may differ in, of {sorted(fields)}."
        )
    if unknown := sorted(rule.number_fields - rule.model_fields.keys()):
        raise ConfigError(f"{key}={path}: number_fields names {unknown}, which are no settings.")
    return rule
