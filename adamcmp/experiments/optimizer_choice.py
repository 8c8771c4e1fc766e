"""Optimizers of an experiment, each with settings of its own, such as ``sgd:momentum=0``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from adamcmp.config import SHORT_KEYS, Composer
from adamcmp.config.overrides import expand_key
from adamcmp.errors import ConfigError
from adamcmp.planning.numerics import default_numerics
from adamcmp.planning.specs import RunSpec

#: Differences are compared with rounding, so that weights have double precision.
NUMERICS = {"dtype": "float64", "device": "cpu", "engine": "eager"}
#: Numerics that cannot be chosen.
FIXED = ("device", "engine")


@dataclass(frozen=True)
class OptimizerChoice:
    """An optimizer with settings.

    Attributes:
        text: The choice as it was typed, such as ``sgd:momentum=0``.
        name: The optimizer's name.
        settings: Override's key -> value.
    """

    text: str
    name: str
    settings: Mapping[str, str] = field(compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a choice of the form ``NAME:SETTING=VALUE:SETTING=VALUE``.

        >>> OptimizerChoice.parse("sgd:lr=0.1:momentum=0").settings
        {'optimizer.lr': '0.1', 'optimizer.momentum': '0'}

        Raises:
            ConfigError: If a setting has no value, or is given twice.
        """
        name, *parts = text.split(":")
        settings: dict[str, str] = {}
        for part in parts:
            typed, equals, value = part.partition("=")
            setting = typed.removeprefix("+")  # "+": an argument of a torch.optim class
            key = typed.removesuffix(setting) + SHORT_KEYS.get(setting, f"optimizer.{setting}")
            if not (setting and equals and value) or key in settings:
                raise ConfigError(
                    f"{text}: {part!r} should be SETTING=VALUE, each setting once, "
                    f"such as sgd:lr=0.1:momentum=0."
                )
            settings[key] = value
        return cls(text, name, settings)

    @property
    def label(self) -> str:
        """The choice as plots show it: its name, then its settings.

        >>> OptimizerChoice.parse("sgd:momentum=0:nesterov=true").label
        'sgd, momentum 0, nesterov'
        """
        name, *settings = self.text.split(":")
        return ", ".join([name, *(s.removesuffix("=true").replace("=", " ") for s in settings)])


def split_arguments(arguments: Iterable[str]) -> tuple[list[OptimizerChoice], dict[str, str]]:
    """Split arguments into optimizers and overrides, which are those of the form ``KEY=VALUE``.

    >>> choices, overrides = split_arguments(["sgd:lr=0.1", "adamw", "wd=0.01"])
    >>> [choice.name for choice in choices], overrides
    (['sgd', 'adamw'], {'optimizer.weight_decay': '0.01'})

    Raises:
        ConfigError: If an optimizer is given as an override or twice, or an override sets the
            device or the engine.
    """
    choices: dict[str, OptimizerChoice] = {}
    overrides: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals and ":" not in key:
            if key == "optimizer":
                raise ConfigError(f"{argument}: write the optimizer's name only, as in {value}.")
            if key in FIXED and value != NUMERICS[key]:
                raise ConfigError(
                    f"{argument}: experiments run with {key}={NUMERICS[key]}. Leave it out."
                )
            overrides[expand_key(key)] = value
            continue
        if argument in choices:
            raise ConfigError(f"The optimizer {argument} is named twice.")
        choices[argument] = OptimizerChoice.parse(argument)
    return list(choices.values()), overrides


def run_spec(composer: Composer, optimizer: str, *settings: Mapping[str, str]) -> RunSpec:
    """Return the run of an optimizer.

    Args:
        composer: Composes the run from overrides.
        optimizer: The optimizer's name.
        settings: Values of overrides by their keys; later ones replace earlier ones.

    Raises:
        ConfigError: If an override is invalid.
    """
    values = dict(NUMERICS)
    for mapping in settings:
        values |= mapping
    study = composer.run([f"optimizer={optimizer}", *(f"{k}={v}" for k, v in values.items())])
    return RunSpec.of(study.runs[0], default_numerics(study.numerics, ()))
