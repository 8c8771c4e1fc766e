"""Compose the config of one run with Hydra.

Hydra composes once per choice of config groups. Value overrides are then applied to a copy, also by
Hydra's code.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml
from omegaconf import DictConfig, OmegaConf, open_dict

from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.names import OPTIONAL_GROUPS, OPTIONS_OF
from adamcmp.config import _hydra
from adamcmp.config._hydra import Override
from adamcmp.config.keys import OPEN_SECTION, check_key
from adamcmp.config.overrides import Grammar
from adamcmp.config.study_config import DEFAULTS_VERSION
from adamcmp.errors import ConfigError, nearest
from adamcmp.platform.files import expand_user

_CONFIGS = Path(str(files("adamcmp.configs")))
#: The key ``study`` is a setting, although the config folders also have a subfolder of this name.
_STUDY = "study"
#: Composed configs of the built-in files by their group overrides. These files do not change while
#: a program runs, and Hydra takes about 0.1 s for each.
_BUILTIN_BASES: dict[tuple[str, ...], DictConfig] = {}
#: The recommended ranges of their optimizers, by the same group overrides.
_BUILTIN_RANGES: dict[tuple[str, ...], DictConfig | None] = {}
#: The options of each config group in the built-in files.
_BUILTIN_OPTIONS: dict[str, list[str]] = {}


class ConfigComposer:
    """Composes the config of one run from overrides.

    Args:
        config_dir: A folder of the user's yaml files, with a subfolder per config group. It is
            searched in addition to the built-in files.
        defaults: Version of the defaults.

    Raises:
        ConfigError: If `config_dir` does not exist, or a file in it has the name of a
            built-in file.
    """

    def __init__(self, config_dir: str | None = None, defaults: int = DEFAULTS_VERSION) -> None:
        folder = None if config_dir is None else _checked_folder(config_dir)
        # The folder of a version holds the files that the next version changed, as they were.
        former = [_CONFIGS / "former" / str(v) for v in range(defaults, DEFAULTS_VERSION)]
        #: Hydra's loader over all config folders.
        self.loader = _hydra.create_loader("adamcmp.configs", folder, former)
        self.grammar = Grammar(self.loader)
        built_in_only = not (folder or former)
        self._bases = _BUILTIN_BASES if built_in_only else {}
        self._ranges = _BUILTIN_RANGES if built_in_only else {}
        self._options = _BUILTIN_OPTIONS if built_in_only else {}

    def options(self, group: str) -> list[str]:
        """Return the names of a config group's options; empty for a key that is not a group."""
        if group not in self._options:
            folder = OPTIONS_OF.get(group, group)
            self._options[group] = _hydra.group_options(self.loader, folder)
        return self._options[group]

    def parse_override(self, override: str) -> Override:
        """Parse one override.

        Raises:
            ConfigError: If it cannot be parsed.
        """
        return self.grammar.parse(override)

    def compose(self, overrides: Iterable[str]) -> dict[str, Any]:
        """Return the composed config of one run as plain values.

        Raises:
            ConfigError: If a group, an option or a key does not exist, or a value is invalid.
        """
        return _hydra.plain_values(self.compose_config(map(self.grammar.parse, overrides)))

    def config_yaml(
        self,
        overrides: Iterable[str],
        contents: Literal["job", "hydra", "all"] = "job",
        package: str | None = None,
        resolve: bool = False,
    ) -> str:
        """Return the composed config of one run as yaml text.

        Args:
            overrides: The overrides.
            contents: ``job``: the run's config; ``hydra``: Hydra's config; ``all``: both.
            package: Dotted path of the only section to show.
            resolve: Whether to resolve references.

        Raises:
            ConfigError: If an override is invalid, or there is no such section.
        """
        parsed = [self.grammar.parse(override) for override in overrides]
        config = (
            self.compose_config(parsed) if contents == "job" else self._compose_with_hydra(parsed)
        )
        if contents == "hydra":
            config = OmegaConf.create({"hydra": config.hydra})
        if package:
            section = OmegaConf.select(config, package)
            if not isinstance(section, DictConfig):
                raise ConfigError(f"--package {package}: the config has no such section.")
            config = section
        return OmegaConf.to_yaml(config, resolve=resolve)

    def complete_keys(self, overrides: Iterable[str], typed: str) -> list[str]:
        """Return the completions of a partly typed override, as Hydra does.

        Args:
            overrides: The overrides before `typed`, of the form ``key=value``.
            typed: The start of an override.
        """
        choices = [o for o in overrides if self.options(o.split("=")[0])]
        line = [*(_hydra_text(self.grammar.parse(choice)) for choice in choices), typed]
        completions = _hydra.complete_keys(self.loader, " ".join(line))
        if not any(completion.endswith(".") for completion in completions):
            return completions
        # Hydra completes a list like a section.
        config = self.compose_config(map(self.grammar.parse, choices))
        lists = {c for c in completions if OmegaConf.is_list(OmegaConf.select(config, c[:-1]))}
        return [f"{c[:-1]}=" if c in lists else c for c in completions]

    def compose_config(self, overrides: Iterable[Override]) -> DictConfig:
        """Return the composed config of one run.

        Raises:
            ConfigError: If a group, an option or a key does not exist, or a value is invalid.
        """
        groups: list[Override] = []
        values: list[Override] = []
        for override in overrides:
            (groups if self.chooses_option(override) else values).append(override)
        config = copy.deepcopy(self.base(groups))
        for override in values:
            self.check_key(override, config)
        _hydra.apply_overrides(values, config)
        return config

    def _compose_with_hydra(self, overrides: Sequence[Override]) -> DictConfig:
        """Return a composed config that includes the node ``hydra``."""
        # Hydra would treat them as options of the subfolder ``study``.
        later = [o for o in overrides if o.key_or_group == _STUDY]
        others = [_hydra_text(o) for o in overrides if o not in later]
        with _hydra_errors():
            config = _hydra.load_config(self.loader, list(filter(None, others)))
        for override in later:
            self.check_key(override, config)
        _hydra.apply_overrides(later, config)
        return config

    def base(self, overrides: Iterable[Override]) -> DictConfig:
        """Return the config of a choice of config groups, which must not be modified.

        Args:
            overrides: The overrides that choose options of config groups.
        """
        return self._base(tuple(filter(None, map(_hydra_text, overrides))))

    def recommended_ranges(self, overrides: Iterable[Override]) -> dict[str, Any]:
        """Return the entry ``search`` of an optimizer's yaml file; empty without one.

        Args:
            overrides: The overrides that choose options of config groups.

        Raises:
            ConfigError: If the entry is not a mapping.
        """
        group_overrides = tuple(filter(None, map(_hydra_text, overrides)))
        optimizer = self._base(group_overrides).get("optimizer") or {}
        search = self._ranges[group_overrides]
        known = ("lr", "weight_decay", "source")
        if search is None:
            return {}
        if not isinstance(search, DictConfig) or not set(search) <= set(known):
            raise ConfigError(
                f"The entry search of optimizer={optimizer.get('name')} should hold recommended "
                f'ranges such as {{lr: "logspace(1e-4,1e-1,7)"}}; its keys are {", ".join(known)}.'
            )
        return _hydra.plain_values(search)

    def _base(self, group_overrides: tuple[str, ...]) -> DictConfig:
        if group_overrides not in self._bases:
            with _hydra_errors():
                config = _hydra.load_config(self.loader, group_overrides)
            option = config.hydra.runtime.choices.get("optimizer")
            # Hydra returns configs that reject changes of their keys.
            with open_dict(config):
                optimizer = config.get("optimizer")
                has_values = isinstance(optimizer, DictConfig)
                self._ranges[group_overrides] = (
                    optimizer.pop("search", None) if has_values else None
                )
                del config["hydra"]
                for group in OPTIONAL_GROUPS:
                    config.setdefault(group, None)
                if option and isinstance(config.get("optimizer"), DictConfig):
                    # A variant is labelled with the name of its yaml file.
                    config.optimizer.name = option
            if (open_section := OmegaConf.select(config, OPEN_SECTION)) is not None:
                OmegaConf.set_struct(open_section, False)
            self._bases[group_overrides] = config
        return self._bases[group_overrides]

    def chooses_option(self, override: Override) -> bool:
        """Return whether an override chooses an option of a config group.

        Raises:
            ConfigError: If there is no such option, or the override sets a setting of Hydra.
        """
        key = override.key_or_group
        # Such as hydra.run.dir, or hydra/launcher.
        if key.split(".")[0].split("/")[0] == "hydra":
            raise ConfigError(
                f"{override.input_line}: Hydra's settings have no effect. Set the results folder "
                f"with results= and a folder of your configs with --config-dir."
            )
        options = self.options(key) if key and key != _STUDY else []
        value = override.value()
        if key == "dataset" and (override.is_delete() or isinstance(value, list)):
            # Defaults of other config groups depend on it.
            raise ConfigError(f"{override.input_line}: one dataset is needed, such as dataset=csv.")
        if not options or isinstance(value, dict):  # a mapping sets values of the option
            return False
        for option in value if isinstance(value, list) else [value]:
            if override.is_delete() or option is None or option in options:
                continue
            raise ConfigError(
                f"{key}={option}: there is no such {key}.{nearest(str(option), options)} "
                f"Choose from: {', '.join(options)}."
            )
        return True

    def check_key(self, override: Override, config: DictConfig) -> None:
        """Check that a composed config has the key of an override; see `keys.check_key`."""
        key = override.key_or_group
        check_key(override, config, self.options(key) if key in CONFIG_GROUPS else [])


def _hydra_text(override: Override) -> str:
    """Return an override as Hydra's loader takes it; empty for one without effect."""
    text, group = str(override.input_line), override.key_or_group
    if group in OPTIONAL_GROUPS and override.value() is None and not override.is_delete():
        return ""  # Hydra accepts null in a list of defaults only
    if group not in OPTIONS_OF:
        return text
    return text.replace(group, f"{OPTIONS_OF[group]}@{group}", 1)


def _checked_folder(config_dir: str) -> Path:
    folder = expand_user(config_dir).resolve()
    if not folder.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: there is no such folder.")
    # Hydra would use the built-in file of the same name without a warning.
    for file in folder.glob("*/*.yaml"):
        group = file.parent.name
        if group in CONFIG_GROUPS and (_CONFIGS / group / file.name).exists():
            raise ConfigError(f"{file} has the name of a built-in file: rename it.")
    return folder


@contextlib.contextmanager
def _hydra_errors() -> Iterator[None]:
    """Convert exceptions of Hydra for an invalid config to a `ConfigError`."""
    try:
        yield
    except _hydra.ERRORS as error:
        raise ConfigError(_hydra.first_line(error)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"A yaml file cannot be read: {' '.join(str(error).split())}") from None
