"""Check that the key of an override exists in a composed config."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf

from adamcmp.components.groups import CONFIG_GROUPS
from adamcmp.components.names import OPTIONAL_GROUPS
from adamcmp.config import _hydra
from adamcmp.config._hydra import Override
from adamcmp.config.decay_product import PRODUCT
from adamcmp.config.overrides import SHORT_KEYS, shorten_key
from adamcmp.config.sections import TOP_LEVEL_SECTIONS
from adamcmp.errors import ConfigError, nearest

#: The section whose keys the user chooses: the keys of parameter groups.
OPEN_SECTION = "optimizer.groups"


class UnknownSetting(ConfigError):
    """A composed config has no such key.

    Attributes:
        key: The dotted key.
    """

    def __init__(self, text: str, key: str = "") -> None:
        super().__init__(text)
        self.key = key


def has_key(config: DictConfig, key: str) -> bool:
    """Return whether a composed config has a dotted key."""
    parent_path, _, name = key.rpartition(".")
    parent = OmegaConf.select(config, parent_path) if parent_path else config
    # `name in parent` is false for a value that is still missing (???).
    return isinstance(parent, DictConfig) and name in list(parent.keys())


def takes_any_key(config: DictConfig, key: str) -> bool:
    """Return whether a dotted key is in a section whose keys the user chooses."""
    return key.startswith(f"{OPEN_SECTION}.") and has_key(config, OPEN_SECTION)


def is_setting(key: str) -> bool:
    """Return whether a key is a setting of a command line, or within a config group."""
    fields = (field for cls in TOP_LEVEL_SECTIONS.values() for field in cls.model_fields)
    return key.partition(".")[0] in {*SHORT_KEYS, "seeds", PRODUCT, *CONFIG_GROUPS, *fields}


def check_key(override: Override, config: DictConfig, options: Sequence[str]) -> None:
    """Check that a composed config has the key of an override that sets a value.

    Args:
        override: The override.
        config: The composed config.
        options: The options of the config group that the key names; empty for other keys.

    Raises:
        UnknownSetting: If the key does not exist; the message names the nearest one.
        ConfigError: If the key names a config group and the option does not exist, or a ``+`` adds
            an existing key.
    """
    key = override.key_or_group
    if override.is_force_add():
        return
    exists = has_key(config, key)
    if override.is_add():
        if exists:
            raise ConfigError(f"+{key} already exists: leave out the +.")
    elif not exists and not takes_any_key(config, key):
        raise UnknownSetting(_unknown_key(key, config), key)
    elif (
        key in CONFIG_GROUPS
        and _hydra.is_section(config, key)
        and not isinstance(override.value(), dict)
    ):
        raise ConfigError(f"{override.input_line}: should be one of {', '.join(options)}.")


def _unknown_key(key: str, config: DictConfig) -> str:
    """Return the error message for a key that does not exist in a config."""
    parent_path, _, name = key.rpartition(".")
    parent = OmegaConf.select(config, parent_path) if parent_path else config
    if parent is None and parent_path in OPTIONAL_GROUPS:
        return (
            f"{key}: {parent_path} is null, so it has no settings; choose one first, such as "
            f"{parent_path}={OPTIONAL_GROUPS[parent_path]}."
        )
    if not isinstance(parent, DictConfig) or not parent_path:
        dotted = _hydra.dotted_keys(config)
        known = [*(str(key) for key in config), *SHORT_KEYS, *dotted]
        within = [shorten_key(each) for each in dotted if each.rpartition(".")[2] == key]
        suggestion = f" Did you mean {within[0]!r}?" if within else nearest(key, known)
        return f"There is no setting {key!r}.{suggestion}"
    # `name` and `rule` follow from the choice of the component.
    known = [str(key) for key in parent if key not in ("name", "rule")]
    if "coupling" in known:  # settings of every rule come first in the yaml files of optimizers
        first = known.index("coupling")
        known = [*known[first:], *known[:first]]
    # The suggestion should hold the full key.
    suggestion = nearest(name, known).replace("'", f"'{parent_path}.", 1)
    takes_arguments = "target" in list(parent.keys())
    hint = " Add an argument of your class with a leading +." if takes_arguments else ""
    component = f" of {parent_path}={parent.get('name')}" if "name" in parent else ""
    return (
        f"There is no setting {key!r}{component}.{suggestion} "
        f"Settings: {', '.join(known) or 'none'}.{hint}"
    )
