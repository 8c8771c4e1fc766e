"""Inspect an optimizer: a torch.optim class, one of this package, or an optax transformation."""

from __future__ import annotations

import ast
import importlib.util
import inspect as signatures
import io
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adamcmp.components.names import HYPERPARAMETER_FIELDS
from adamcmp.components.user_class import error_reason, import_object
from adamcmp.config import component_defaults
from adamcmp.errors import ConfigError, nearest, shortened

if TYPE_CHECKING:
    from adamcmp.inspection.report import Inspection
    from adamcmp.inspection.subjects import Subject
    from adamcmp.inspection.torch_subject import TorchSubject

_KEY = "optimizer"
#: Start of the names of settings of the parameter group of a torch.optim class.
_GROUP = "group."


def inspect_optimizer(target: str, settings: Sequence[str] = ()) -> Inspection:
    """Measure how an optimizer decays weights.

    Args:
        target: The dotted path of a class derived from torch.optim.Optimizer or of a function that
            returns an optax transformation, or the name of an optimizer of this package.
        settings: Its arguments or settings, such as ``weight_decay=0.1`` or ``betas=(0.9,0.95)``,
            and those of the parameter group of a torch.optim class, as ``group.NAME=VALUE``.

    Raises:
        ConfigError: If there is no such optimizer, a setting is invalid, or it cannot be probed.
    """
    from adamcmp.inspection.inspecting import inspect_subject

    values = parsed(settings)
    with redirect_stdout(io.StringIO()):  # some constructors print
        subject = subject_of(target, values)
        if subject.lr == 0:
            raise ConfigError("lr=0: should not be 0, since an optimizer's updates are observed.")
        return inspect_subject(subject, target)


def parsed(settings: Sequence[str]) -> dict[str, Any]:
    """Return the values of ``NAME=VALUE`` texts: Python literals, true, false, null, or text.

    Raises:
        ConfigError: If one is not of this form.

    >>> parsed(["weight_decay=0.1", "betas=(0.9,0.95)", "amsgrad=true", "mode=fast"])
    {'weight_decay': 0.1, 'betas': (0.9, 0.95), 'amsgrad': True, 'mode': 'fast'}
    """
    values = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name.replace(".", "_").isidentifier():
            raise ConfigError(f"{shortened(setting)}: should be NAME=VALUE.")
        values[name] = _value(text)
    return values


def _value(text: str) -> Any:
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def subject_of(target: str, settings: Mapping[str, Any]) -> Subject:
    """Return the optimizer to probe.

    Raises:
        ConfigError: If there is no such optimizer, a setting is invalid, or it cannot be probed.
    """
    if "=" in target:
        raise ConfigError(
            f"{shortened(target)}: the first argument should be the name of an optimizer, such as "
            f"adamw, or a dotted path, such as torch.optim.AdamW. Settings follow."
        )
    if "." not in target:
        return _rule_subject(target, settings)
    import torch

    value = import_object(target, _KEY)
    if signatures.isclass(value) and issubclass(value, torch.optim.Optimizer):
        from adamcmp.inspection.torch_subject import TorchSubject

        group = {n.removeprefix(_GROUP): v for n, v in settings.items() if n.startswith(_GROUP)}
        arguments = {name: v for name, v in settings.items() if not name.startswith(_GROUP)}
        arguments = _arguments(value, arguments, target)
        return _probeable(TorchSubject(value, arguments, group=group or None), target)
    if callable(value) and not signatures.isclass(value):
        return _optax(value, settings, target)
    raise _not_an_optimizer(target)


def _rule_subject(name: str, settings: Mapping[str, Any]) -> Subject:
    from adamcmp.inspection.rule_subject import RuleSubject

    if name == "torch":
        raise ConfigError(
            "optimizer=torch is any class: inspect one by its dotted path, such as "
            "`adamcmp inspect torch.optim.RAdam`."
        )
    short = {key.removeprefix("optimizer."): value for key, value in settings.items()}
    given = {
        HYPERPARAMETER_FIELDS.get(key, key): list(value) if isinstance(value, tuple) else value
        for key, value in short.items()
    }
    subject = RuleSubject(component_defaults("optimizer", name), given)
    _ = subject.rule  # raises if a setting is invalid
    return subject


def _arguments(
    factory: Callable[..., Any], settings: Mapping[str, Any], target: str
) -> dict[str, Any]:
    """Return the settings as arguments of a class or function; ``wd`` is short for weight_decay.

    Raises:
        ConfigError: If it does not take one of them.
    """
    parameters = signatures.signature(factory).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    arguments = {}
    for name, value in settings.items():
        argument = name if name in parameters else HYPERPARAMETER_FIELDS.get(name, name)
        if argument not in parameters and not takes_any:
            raise ConfigError(
                f"{target} takes no argument {name!r}.{nearest(name, parameters)} "
                f"It takes: {', '.join(parameters)}."
            )
        arguments[argument] = value
    return arguments


def _probeable(subject: TorchSubject, target: str) -> Subject:
    """Return a class with weights of a type and shape that it takes.

    Raises:
        ConfigError: If there are none.
    """
    import torch

    from adamcmp.inspection.subjects import ProbeFailed

    def reason(variant: TorchSubject) -> str:
        """Return why a class fails; empty if it does not."""
        ones = torch.ones(variant.shape)
        try:
            variant.updates(ones, [ones, ones], [1.0, 1.0])
        except ProbeFailed as error:
            return str(error).rstrip(".")
        return ""

    for variant in subject.variants():
        if not reason(variant):
            return variant
    # A class that needs settings of its group says so only if it gets a group.
    cause = reason(replace(subject, group=subject.group or {})) or reason(subject)
    raise ConfigError(
        f"{target} {_problem(subject)} ({cause}). Its arguments are NAME=VALUE, and those of its "
        f"parameter group group.NAME=VALUE."
    )


def _problem(subject: TorchSubject) -> str:
    """Return what fails: the constructor with the given arguments, or a step."""
    group = {f"{_GROUP}{name}": value for name, value in (subject.group or {}).items()}
    given = ", ".join(f"{n}={value!r}" for n, value in {**subject.settings, **group}.items())
    try:
        _ = subject.lr
    except Exception:  # a constructor may raise anything
        return f"refuses {given}" if given else "cannot be created without arguments"
    return "cannot be probed"


def _optax(factory: Callable[..., Any], settings: Mapping[str, Any], target: str) -> Subject:
    if importlib.util.find_spec("optax") is None:
        raise _not_an_optimizer(target)
    from adamcmp.inspection.optax_subject import OptaxSubject

    subject = OptaxSubject(factory, _arguments(factory, settings, target))
    try:
        transformation = subject.transformation
    except Exception as error:  # any function may have been named
        raise ConfigError(f"{target} cannot be created ({error_reason(error)}).") from error
    if not all(callable(getattr(transformation, name, None)) for name in ("init", "update")):
        raise _not_an_optimizer(target)
    return subject


def _not_an_optimizer(target: str) -> ConfigError:
    return ConfigError(
        f"{target} should be a class derived from torch.optim.Optimizer, an optimizer of adamcmp "
        f"such as adamw, or a function that returns an optax transformation (needs optax)."
    )
