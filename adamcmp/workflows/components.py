"""List the available components, as described by their yaml files, and what rules cost."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from adamcmp.components.names import CONFIG_GROUP_NAMES, OPTIONS_OF
from adamcmp.errors import ConfigError, NotFound, nearest
from adamcmp.platform.files import expand_user

if TYPE_CHECKING:
    from adamcmp.planning.rule_costs import RuleCost


def list_components(
    group: str | None = None, config_dir: str | None = None
) -> dict[str, dict[str, str]]:
    """Return the components of each config group, with their descriptions.

    Args:
        group: The only group to list; None lists all, each component once.
        config_dir: A folder of the user's yaml files, listed with the built-in ones.

    Returns:
        Group -> component -> one-line description.

    Raises:
        NotFound: If the group does not exist.
        ConfigError: If `config_dir` is not a folder.

    >>> list(list_components("loss")["loss"])
    ['cross_entropy', 'mse']
    """
    if group is not None and group not in CONFIG_GROUP_NAMES:
        raise NotFound(f"There is no group {group!r}.{nearest(group, CONFIG_GROUP_NAMES)}")
    roots = [Path(str(files("adamcmp.configs")))]
    if config_dir is not None:
        roots.append(expand_user(config_dir))
        if not roots[-1].is_dir():
            raise ConfigError(f"--config-dir {config_dir}: there is no such folder.")
    groups = [group] if group else [name for name in CONFIG_GROUP_NAMES if name not in OPTIONS_OF]
    return {name: _components(OPTIONS_OF.get(name, name), roots) for name in groups}


def rule_costs(
    config_dir: str | None = None, on_measuring: Callable[[str], None] = lambda name: None
) -> dict[str, RuleCost]:
    """Measure the cost of each optimizer that is a rule, and cache it for reports on this machine.

    Args:
        config_dir: A folder of the user's yaml files, whose rules are measured with the built-in
            ones.
        on_measuring: Called with the name of an optimizer before it is measured.

    Returns:
        The costs by the optimizers' names. A torch.optim class has none.

    Raises:
        ConfigError: If `config_dir` is not a folder, or a yaml file in it is invalid.
    """
    from adamcmp.components.optimizers import Rule
    from adamcmp.components.trusted_code import ANY_CODE, trusting
    from adamcmp.config import Composer, build_component
    from adamcmp.planning.rule_costs import cache_costs, cost_key
    from adamcmp.training.rule_cost import measure_cost

    composer, measured = Composer(config_dir), {}
    costs: dict[str, RuleCost] = {}
    for name in composer.options("optimizer"):
        # There are no defaults for the teacher-student problem.
        values = composer.compose(["dataset=teacher", f"optimizer={name}"])["optimizer"]
        if "???" in values.values():  # needs a class of the user
            continue
        with trusting(ANY_CODE):  # the user's own yaml files name it
            optimizer = build_component("optimizer", values)
        if isinstance(optimizer, Rule):
            on_measuring(name)
            costs[name] = measured[cost_key(optimizer.model_dump())] = measure_cost(optimizer)
    cache_costs(measured)
    return costs


def describe(yaml_file: Path) -> str:
    """Return the one-line description of a yaml file: its leading comment."""
    first = yaml_file.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _components(group: str, roots: list[Path]) -> dict[str, str]:
    # Built-in files come last and replace files of the same name, as Hydra composes them.
    paths = [path for root in reversed(roots) for path in (root / group).glob("[!_]*.yaml")]
    by_name = {path.stem: path for path in paths}
    return {name: describe(by_name[name]) for name in sorted(by_name)}
