"""Check whether a component of the user meets the requirements of every component."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from adamcmp.components.optimizers import Rule
from adamcmp.components.user_class import import_object
from adamcmp.config import Composer, Numerics, RunConfig, StudyConfig
from adamcmp.errors import AdamcmpError, ConfigError
from adamcmp.planning.numerics import default_numerics
from adamcmp.platform.files import expand_user

#: Ending of a file -> the dataset that reads such files.
FILE_DATASETS = {".csv": "csv", ".tsv": "csv", ".npz": "npz", ".parquet": "parquet"}
#: Datasets on which a component is tried if no override names one: rows, then images.
TRIED_DATASETS = ("mnist1d", "digits")
#: If one of these fails, the later checks say nothing.
PREREQUISITES = ("data", "build", "training", "determinism")


@dataclass(frozen=True)
class Check:
    """One requirement of a component, and whether it holds.

    Attributes:
        name: The requirement, such as ``state``.
        status: ``ok``, ``failed``, or ``skipped`` because an earlier check failed.
        detail: What was measured, or what is wrong.
    """

    name: str
    status: str
    detail: str


def check_component(
    target: str, overrides: Sequence[str] = (), config_dir: str | None = None
) -> Iterator[Check]:
    """Check a component on small runs; yield each result as soon as it is known.

    Args:
        target: The component; see `component_overrides`.
        overrides: Further settings, such as ``+model.width=64`` or ``dataset=digits``.
        config_dir: A folder of the user's yaml files.

    Raises:
        ConfigError: If the target or an override is invalid.
    """
    study = _study(Composer(config_dir), [*component_overrides(target), *overrides])
    missing = ""
    for name, check in _checks(study.runs[0], default_numerics(study.numerics, ())).items():
        if missing:
            yield Check(name, "skipped", f"needs {missing}")
            continue
        result = _result(name, check)
        if result.status == "failed" and name in PREREQUISITES:
            missing = name
        yield result


def component_overrides(target: str) -> list[str]:
    """Return the overrides that select a component.

    Args:
        target: The dotted path of a class or function (``mynets.Net``), the path of a dataset's
            file or of a folder of images, or an override that selects a component (``model=cnn``).

    Raises:
        ConfigError: If it is none of these.
    """
    path = expand_user(target)
    dataset = "imagefolder" if path.is_dir() else FILE_DATASETS.get(path.suffix)
    if dataset:
        return [f"dataset={dataset}", f"dataset.path={target}"]
    if "=" in target:
        return [target]
    component = _component_of(target)
    return [component, f"{component.partition('=')[0]}.target={target}"]


def _component_of(target: str) -> str:
    """Return the component that adapts a class or function of the user's."""
    from torch import nn, optim

    value = import_object(target, "TARGET") if "." in target else None
    if inspect.isclass(value) and issubclass(value, nn.Module):
        return "model=custom"
    if inspect.isclass(value) and issubclass(value, optim.Optimizer):
        return "optimizer=torch"
    if inspect.isclass(value) and issubclass(value, Rule):
        raise ConfigError(
            f"{target}: a rule is checked by the name of its yaml file: `adamcmp check "
            f"optimizer=NAME --config-dir DIR`, where DIR/optimizer/NAME.yaml has rule: {target}."
        )
    if callable(value):
        return "dataset=custom"
    raise ConfigError(
        f"{target}: should be the dotted path of a model, optimizer or dataset, such as "
        f"mynets.Net; a file ({', '.join(FILE_DATASETS)}); or GROUP=NAME."
    )


def _study(composer: Composer, overrides: Sequence[str]) -> StudyConfig:
    """Return the configuration to check, on the first dataset that the component accepts."""
    if any(override.startswith("dataset=") for override in overrides):
        return composer.run(overrides)
    studies = [composer.run([f"dataset={name}", *overrides]) for name in TRIED_DATASETS]
    return next((study for study in studies if _builds(study.runs[0])), studies[0])


def _builds(config: RunConfig) -> bool:
    from adamcmp.training.checks import check_run

    with _prints_to_stderr(), contextlib.suppress(AdamcmpError):
        check_run(config)
        return True
    return False


def _checks(config: RunConfig, numerics: Numerics) -> dict[str, Callable[[], str]]:
    """Return the checks by name; each returns what it measured, or raises an `AdamcmpError`."""
    from adamcmp.training import conformance

    specs = cache(lambda: conformance.small_runs(config, numerics))

    def on_runs(check: Callable[[Any], str]) -> str:
        return check(specs())

    return {
        "data": lambda: conformance.check_dataset(config.run_dataset),
        "build": partial(on_runs, conformance.check_build),
        "training": partial(on_runs, conformance.check_training),
        "determinism": partial(on_runs, conformance.check_determinism),
        "state": partial(on_runs, conformance.check_state),
        "lanes": partial(on_runs, conformance.check_lanes),
    }


def _result(name: str, check: Callable[[], str]) -> Check:
    try:
        with _prints_to_stderr():
            return Check(name, "ok", check())
    except AdamcmpError as error:
        return Check(name, "failed", str(error))


def _prints_to_stderr() -> AbstractContextManager[object]:
    """Have the user's code print to stderr, apart from what a command prints."""
    return contextlib.redirect_stdout(sys.stderr)
