"""Study files: several grids, and a second stage for their winners, in one yaml.

    # AdamW against SGD, each on its own grid
    common: {model: mlp, epochs: 60, seeds: 3}
    blocks:
      adamw: {optimizer: adamw, lr: "logspace(1e-4,1e-1,7)", wd: "powers(2,-12,-4)"}
      sgd: {optimizer: sgd, lr: "logspace(1e-2,1,5)", wd: [0, 1e-4, 1e-3]}
    select: {by: optimizer, top: 1, seeds: 10}
    scales:
      smoke: {common: {epochs: 2}, select: {seeds: 2}}

A block's entries are words of a command line, ``key: value`` for ``key=value``; a list is an axis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from pydantic import Field

from adamcmp.components.registry import Component, build
from adamcmp.components.trackers import Logger
from adamcmp.config.compose import Composer
from adamcmp.config.settings import Numerics, Place, Positive, StudyConfig
from adamcmp.errors import ConfigError, NotFound, nearest


class Select(Component):
    """The second stage of a study: fresh seeds of the best settings.

    Attributes:
        by: Column whose values each have winners of their own, on each problem.
        top: Winners of each.
        seeds: Seeds that each is trained on, none of which the first stage had.
    """

    by: str = "optimizer"
    top: Positive = 1
    seeds: Positive = 10


class StudyFile(Component):
    """What a study's yaml holds.

    Attributes:
        common: Words of all blocks.
        blocks: Each block's own words; they win over the common ones.
        select: See `Select`; None for a study of one stage.
        scales: By name, what is different at another size of the study: entries of `common`, of
            `blocks` and of `select` that win over those above.
    """

    common: dict[str, Any] = Field(default_factory=dict)
    blocks: dict[str, dict[str, Any]]
    select: Select | None = None
    scales: dict[str, dict[str, Any]] = Field(default_factory=dict)


def study_files(config_dir: str | None = None) -> dict[str, Path]:
    """Return the study files there are, ours and those of the user's own config folder.

    Raises:
        ConfigError: When `config_dir` is no folder.
    """
    folders = [Path(str(files("adamcmp.configs"))) / "study"]
    if config_dir is not None:
        if not Path(config_dir).expanduser().is_dir():
            raise ConfigError(f"--config-dir {config_dir}: there is no such folder.")
        folders.append(Path(config_dir).expanduser() / "study")
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.yaml"))}


def read_study(name: str, config_dir: str | None = None, scale: str | None = None) -> StudyFile:
    """Return a study file.

    Args:
        name: The file's.
        config_dir: A folder of the user's own.
        scale: The name of one of its scales; None takes the file as it stands.

    Raises:
        NotFound: When there is none of that name, or no such scale in it.
        ConfigError: When it is no yaml, or holds what a study file does not.
    """
    found = study_files(config_dir)
    if name not in found:
        raise NotFound(
            f"There is no study file {name!r}.{nearest(name, found)} There are: "
            f"{', '.join(found)}. Your own lie in DIR/study/, with --config-dir DIR."
        )
    content = _content(found[name])
    file = build(StudyFile, content, f"study {name}")
    if scale is None:
        return file
    if scale not in file.scales:
        raise NotFound(
            f"study {name} has no scale {scale!r}.{nearest(scale, file.scales)} There are: "
            f"{', '.join(file.scales) or 'none'}."
        )
    where = f"study {name}, scale {scale}"
    for block in file.scales[scale].get("blocks") or {}:
        if block not in file.blocks:
            raise ConfigError(f"{where}: there is no block {block!r}.{nearest(block, file.blocks)}")
    return build(StudyFile, _over(content, file.scales[scale]), where)


def _content(path: Path) -> dict[str, Any]:
    """Return what a study file holds, blocks among it."""
    try:
        # OmegaConf's reading: a key given twice is an error, 1e-3 a number.
        content: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not content.get("blocks"):
        known = list(StudyFile.model_fields)
        keys = content if isinstance(content, dict) else ()
        wrong = next((str(key) for key in keys if key not in known), "")
        raise ConfigError(
            f"{path} should hold blocks: {{name: {{key: value}}}}."
            f"{nearest(wrong, known) if wrong else ''}"
        )
    return {str(key): value for key, value in content.items()}


def _over(values: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """Return nested values, those of `others` in their place."""
    both = {k: _over(values[k], v) for k, v in others.items() if _nested(v, values.get(k))}
    return values | others | both


def _nested(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def compose_study(
    composer: Composer, name: str, file: StudyFile, words: list[str], scale: str | None = None
) -> StudyConfig:
    """Return all runs of a study file's blocks, as one study.

    Where no word names it, it is named after the file, and after the scale where that differs.

    Args:
        composer: Composes each block.
        name: The file's.
        file: What to compose.
        words: Words of the command line; they win over the file's.
        scale: The scale that the file was read at.

    Raises:
        ConfigError: When a word is wrong; the text names the block.
    """
    study = f"{name}-{scale}" if scale and file.scales[scale] else name
    blocks = []
    for block, own in file.blocks.items():
        merged = _merged(_words({"study": study} | file.common | own), words)
        try:
            if composer.searches(merged):
                raise ConfigError("sampler= is for `adamcmp sweep`; a study file holds grids.")
            blocks.append(composer.sweep(merged))
        except ConfigError as error:
            raise type(error)(f"block {block!r} of study {study}: {error}") from None
    first = blocks[0]
    for config in blocks:
        if _shared(config) != _shared(first):
            raise ConfigError(
                f"study {study}: its blocks differ in study, results, device, dtype, threads, "
                f"engine or logger, and one study has one of each. Put them under common."
            )
    runs = tuple(run for config in blocks for run in config.runs)
    flags = (*first.flags, *(("--scale", scale) if scale else ()))
    return replace(first, runs=runs, words=(f"study {name}", *words), flags=flags)


def _shared(config: StudyConfig) -> tuple[Place, Numerics, Logger]:
    return config.place, config.numerics, config.logger


def _words(values: dict[str, Any]) -> list[str]:
    """Return a mapping as words of a command line."""
    return [f"{key}={_text(value)}" for key, value in values.items()]


def _text(value: Any, inside: bool = False) -> str:
    """Return a value in Hydra's grammar; a list is an axis, a list within it one value."""
    if isinstance(value, list):
        items = ",".join(_text(item, inside=True) for item in value)
        return f"[{items}]" if inside else items
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    return str(value)


def _merged(words: Iterable[str], over: Iterable[str]) -> list[str]:
    """Return words, those of the same key replaced."""
    keyed = {word.partition("=")[0]: word for word in words}
    for word in over:
        key = word.partition("=")[0]
        if key in ("seed", "seeds"):
            keyed.pop("seeds" if key == "seed" else "seed", None)
        keyed[key] = word
    return list(keyed.values())
