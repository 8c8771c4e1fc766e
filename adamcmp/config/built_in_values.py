"""The values and the recommended ranges of the built-in yaml files."""

from __future__ import annotations

from typing import Any

from adamcmp.config.compose import ConfigComposer


def component_defaults(group: str, option: str) -> dict[str, Any]:
    """Return the plain values of a built-in yaml file, without the defaults for a dataset.

    Raises:
        ConfigError: If there is no such file.
    """
    # There are no defaults for the teacher-student problem.
    return dict(ConfigComposer().compose(["dataset=teacher", f"{group}={option}"])[group])


def optimizer_ranges(option: str) -> dict[str, Any]:
    """Return the recommended ranges of a built-in optimizer, as its yaml file has them.

    >>> optimizer_ranges("adamw")["lr"]
    'logspace(1e-4,1e-1,7)'

    Returns:
        The entries ``lr``, ``weight_decay`` and ``source`` that the file has; empty without any.

    Raises:
        ConfigError: If there is no such file.
    """
    composer = ConfigComposer()
    choice = composer.parse_override(f"optimizer={option}")
    composer.chooses_option(choice)
    return composer.recommended_ranges([choice])
