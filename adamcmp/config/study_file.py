"""Study files: yaml files with several grids and later stages for their best settings.

    # AdamW against SGD, each with a separate grid
    common: {model: mlp, epochs: 60, seeds: 3}
    blocks:
      adamw: {optimizer: adamw, lr: "logspace(1e-4,1e-1,7)", wd: "powers(2,-12,-4)"}
      sgd: {optimizer: sgd, lr: "logspace(1e-2,1,5)", wd: [0, 1e-4, 1e-3]}
    select: {by: optimizer, top: 1, seeds: 10}
    scales:
      smoke: {common: {epochs: 2}, select: {seeds: 2}}

The entries of a block are overrides, ``key: value`` for ``key=value``. A list is an axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from omegaconf import OmegaConf
from pydantic import Field, model_validator

from adamcmp.components.registry import Component
from adamcmp.components.trackers import Tracker
from adamcmp.components.trusted_code import (
    ANY_CODE,
    TrustedCode,
    UntrustedCode,
    settings_of,
    trusted_code,
)
from adamcmp.components.validation import build
from adamcmp.config.grid import Composer
from adamcmp.config.numerics import Numerics
from adamcmp.config.overrides import expand_key
from adamcmp.config.parsing import ALTERNATIVES
from adamcmp.config.protocol import PositiveInt
from adamcmp.config.study_config import ResultsLocation, StudyConfig
from adamcmp.errors import ConfigError, NotFound, nearest, shortened
from adamcmp.platform.files import expand_user

_SUFFIX = ".yaml"


class Select(Component):
    """The later stages of a study: new seeds of the best settings.

    Attributes:
        by: Column; the best settings are selected for each of its values, on each problem.
        top: Number of settings selected for each value.
        candidates: Number of best settings for each value that are trained with further seeds and
            ranked again before the best of them is selected: at least 5, and at most half of the
            settings. None selects the best settings of the grids.
        candidate_seeds: Number of further seeds for each candidate.
        seeds: Number of seeds for each selected setting. The earlier stages use none of these
            seeds.
    """

    by: str = "optimizer"
    top: PositiveInt = 1
    candidates: Annotated[int, Field(ge=5)] | None = None
    candidate_seeds: PositiveInt | None = None
    seeds: PositiveInt = 10

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.candidates is None) != (self.candidate_seeds is None):
            raise ValueError("candidates and candidate_seeds should both be set, or neither")
        if self.candidates is not None and self.top > 1:
            raise ValueError("top should be 1 where candidates is set")
        return self


class StudyFile(Component):
    """The content of a study file.

    Attributes:
        common: Overrides of all blocks.
        blocks: The overrides of each block, which take precedence over the common ones.
        select: See `Select`; None for a study of one stage.
        baseline: The optimizer that the report compares each other one with; None compares all
            pairs.
        scales: Variants of the study by name: entries of `common`, of `blocks` and of `select`
            that take precedence over the file's.
    """

    common: dict[str, Any] = Field(default_factory=dict)
    blocks: dict[str, dict[str, Any]]
    select: Select | None = None
    baseline: str | None = None
    scales: dict[str, dict[str, Any]] = Field(default_factory=dict)


def study_files(config_dir: str | None = None) -> dict[str, Path]:
    """Return the study files by name: built-in ones and those of the user's config folder.

    Raises:
        ConfigError: If `config_dir` does not exist.
    """
    folders = [Path(str(files("adamcmp.configs"))) / "study"]
    if config_dir is not None:
        if not expand_user(config_dir).is_dir():
            raise ConfigError(f"--config-dir {config_dir}: there is no such folder.")
        folders.append(expand_user(config_dir) / "study")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"))}


def read_study(name: str, config_dir: str | None = None, scale: str | None = None) -> StudyFile:
    """Read a study file.

    Args:
        name: Name of the file, without ``.yaml``, or the path of a ``.yaml`` file.
        config_dir: A config folder of the user.
        scale: Name of one of the file's scales; None ignores them.

    Raises:
        NotFound: If there is no such file, or no such scale in it.
        ConfigError: If it is not yaml, or has unknown or invalid entries.
    """
    content = _read(_study_path(name, config_dir))
    file = _built(content, f"study {name}")
    if scale is None:
        return file
    if scale not in file.scales:
        raise NotFound(
            f"study {name} has no scale {scale!r}.{nearest(scale, file.scales)} It has: "
            f"{', '.join(file.scales) or 'none'}."
        )
    path = f"study {name}, scale {scale}"
    for block in file.scales[scale].get("blocks") or {}:
        if block not in file.blocks:
            raise ConfigError(f"{path}: there is no block {block!r}.{nearest(block, file.blocks)}")
    return _built(_deep_merge(content, file.scales[scale]), path)


def _built(content: dict[str, Any], title: str) -> StudyFile:
    """Return a file of validated entries; error messages begin with the title."""
    known = list(StudyFile.model_fields)
    for key in content:
        if key not in known:
            raise ConfigError(
                f"{title}: there is no entry {key!r}.{nearest(key, known)} A study file has: "
                f"{', '.join(known)}."
            )
    try:
        return build(StudyFile, content, "")
    except ConfigError as error:
        raise ConfigError(f"{title}: {error}") from None


def _study_path(name: str, config_dir: str | None) -> Path:
    existing = study_files(config_dir)
    if name in existing:
        return existing[name]
    path = expand_user(name)
    if path.suffix != _SUFFIX:
        raise NotFound(
            f"There is no study file {name!r}.{nearest(name, existing)} Choose from: "
            f"{', '.join(existing)}. --config-dir DIR adds the files in DIR/study/; a path ends "
            f"in {_SUFFIX}."
        )
    if not path.is_file():
        raise NotFound(f"There is no study file {name}: looked for {path.absolute()}.")
    return path


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a study file, which must have blocks."""
    try:
        # OmegaConf rejects duplicate keys and reads 1e-3 as a number; PyYAML does neither.
        content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not content.get("blocks"):
        known = list(StudyFile.model_fields)
        keys = content if isinstance(content, dict) else ()
        unknown = next((str(key) for key in keys if key not in known), "")
        raise ConfigError(
            f"{path} should hold blocks: {{name: {{key: value}}}}."
            f"{nearest(unknown, known) if unknown else ''}"
        )
    return {str(key): value for key, value in content.items()}


def _deep_merge(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return nested mappings merged; `changes` take precedence."""
    nested = {
        key: _deep_merge(values[key], change)
        for key, change in changes.items()
        if isinstance(change, dict) and isinstance(values.get(key), dict)
    }
    return values | changes | nested


def compose_study(
    composer: Composer, name: str, file: StudyFile, overrides: list[str], scale: str | None = None
) -> StudyConfig:
    """Return all runs of a study file's blocks as one study.

    Without ``study=``, its name is that of the file, with the scale if the scale has entries.

    Args:
        composer: Composes each block.
        name: Name or path of the file.
        file: Its content.
        overrides: Overrides of the command line, which take precedence over the file's.
        scale: The scale that the file was read with.

    Raises:
        ConfigError: If an override is invalid (the message names the block), or blocks differ
            in what a study shares.
        UntrustedCode: If a file of others names code that is not trusted.
    """
    code = _trusted_code(name, composer.config_dir, overrides)
    composer = composer.trusting(code)
    stem = Path(name).name.removesuffix(_SUFFIX)
    study = f"{stem}-{scale}" if scale and file.scales[scale] else stem
    configs = []
    for block, values in file.blocks.items():
        # Entries of a block replace common ones; both may set the name of the study.
        entries = _as_overrides({"study": study} | file.common | values)
        merged = _merge(entries, overrides)
        try:
            if not code.everything:
                _check_references(entries, name)
            if composer.is_search(merged):
                raise ConfigError("sampler= is for `adamcmp sweep`; a study file holds grids.")
            with settings_of(name):
                configs.append(composer.sweep(merged))
        except ConfigError as error:
            raise type(error)(f"block {block!r} of study {study}: {error}") from None
    first = configs[0]
    if any(_shared(config) != _shared(first) for config in configs):
        raise ConfigError(
            f"study {study}: its blocks differ in study, results, device, dtype, threads, "
            f"engine or logger, which all runs of a study share. Set them under common."
        )
    runs = tuple(run for config in configs for run in config.runs)
    notices = tuple(dict.fromkeys(notice for config in configs for notice in config.notices))
    flags = (*first.flags, *(("--scale", scale) if scale else ()))
    typed = (f"study {name}", *overrides)
    return replace(first, runs=runs, overrides=typed, flags=flags, notices=notices)


def _trusted_code(name: str, config_dir: str | None, overrides: Sequence[str]) -> TrustedCode:
    """Return the code that a study file may name: any if it is built in or in the config folder."""
    if trusted_code().everything or name in study_files(config_dir):
        return ANY_CODE
    return TrustedCode(named_in=tuple(overrides), config_dir=config_dir)


def _check_references(entries: Iterable[str], file: str) -> None:
    """Check that a file of others calls no resolver, such as ``${oc.env:AWS_SECRET_ACCESS_KEY}``.

    The value would be stored with the runs, or name a file or a folder.

    Raises:
        UntrustedCode: If it does.
    """
    for entry in entries:
        if "${" in entry and ":" in entry.partition("${")[2]:
            raise UntrustedCode(
                f"{file} reads the environment or calls another resolver of OmegaConf: "
                f"{shortened(entry)}. Write the value instead, or add --allow-code (in Python: "
                f"allow_code=True) if you trust the file."
            )


def _shared(config: StudyConfig) -> tuple[ResultsLocation, Numerics, Tracker]:
    return config.location, config.numerics, config.tracker


def _as_overrides(values: dict[str, Any]) -> list[str]:
    return [f"{key}={_value_text(value)}" for key, value in values.items()]


def _value_text(value: Any, in_list: bool = False) -> str:
    """Return a value in Hydra's grammar. A list is an axis; a list within it is one value."""
    if isinstance(value, list):
        items = ",".join(_value_text(item, in_list=True) for item in value)
        return f"[{items}]" if in_list else items
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(value)


def _merge(overrides: Iterable[str], precedence: Iterable[str]) -> list[str]:
    """Return both lists of overrides; for equal keys, those in `precedence`."""
    precedence = list(precedence)
    replaced = set(map(_setting, precedence))
    return [*(o for o in overrides if _setting(o) not in replaced), *precedence]


def _setting(override: str) -> str:
    """Return the full key of an override, the same for keys that replace each other."""
    key = expand_key(override).partition("=")[0]
    return ALTERNATIVES.get(key, key)
