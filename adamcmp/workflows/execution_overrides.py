"""The settings of execution that commands on a stored study accept as overrides."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from adamcmp.config import Composer, Execution
from adamcmp.errors import ConfigError


def parse_execution(
    command: str, overrides: Sequence[str], *others: str, without: Collection[str] = ()
) -> Execution:
    """Return the settings of execution among overrides.

    Args:
        command: The name of the command, for the error.
        overrides: The overrides.
        others: Further keys that the command accepts.
        without: Settings of execution that the command does not accept.

    Raises:
        ConfigError: If an override is neither.
    """
    accepted = [*others, *(key for key in Execution.model_fields if key not in without)]
    for override in overrides:
        if _key(override) not in accepted:
            listed = ", ".join(f"{key}=" for key in accepted)
            raise ConfigError(
                f"{override}: `{command}` keeps the study's settings and accepts only {listed}."
            )
    execution = [override for override in overrides if _key(override) not in others]
    return Composer().run(execution).execution if execution else Execution()


def _key(override: str) -> str:
    """Return the key at the top, such as ``executor`` of ``executor.partition=debug``."""
    return override.partition("=")[0].partition(".")[0]
