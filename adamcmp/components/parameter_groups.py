"""Parameter groups: which parameters have settings other than the optimizer's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, NoReturn, get_args

from pydantic import Field

from adamcmp.components.registry import Component
from adamcmp.errors import ConfigError, nearest

if TYPE_CHECKING:
    from torch import nn

Role = Literal["matrices", "embeddings", "head", "biases_norms"]
#: What a parameter does in its network; see `parameter_roles`.
ROLES: tuple[Role, ...] = get_args(Role)

#: Parameters that an error message lists.
_LISTED = 12


class GroupSettings(Component):
    """The settings of a parameter group.

    Attributes:
        match: Pattern of the names of its parameters, such as ``blocks.*.weight``, in which ``*``
            stands for any text. None: the group's name is a role.
        lr_scale: Factor of the learning rate.
        weight_decay: Weight decay of the group; None: that of the optimizer.
    """

    match: str | None = None
    lr_scale: float = Field(default=1.0, ge=0)
    weight_decay: float | None = Field(default=None, ge=0)


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters with the same settings.

    Attributes:
        label: The group's key in ``optimizer.groups``; "" for parameters in no group.
        names: The parameters.
        remaining: Whether `Rule.remaining_rule` updates them.
    """

    label: str
    names: tuple[str, ...]
    remaining: bool = False


def parameter_roles(network: nn.Module) -> dict[str, Role]:
    """Return the role of each parameter of a network.

    ``biases_norms`` have fewer than two dimensions. ``embeddings`` are the weights of
    torch.nn.Embedding and EmbeddingBag. ``head`` is the weight of the last torch.nn.Linear, in the
    order in which the network registers its modules. All others are ``matrices``.

    >>> from torch import nn
    >>> parameter_roles(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)))
    {'0.weight': 'matrices', '0.bias': 'biases_norms', '2.weight': 'head', '2.bias': 'biases_norms'}
    """
    from torch import nn

    modules = list(network.modules())
    linear = [module for module in modules if isinstance(module, nn.Linear)]
    head = id(linear[-1].weight) if linear else None
    embeddings = {id(m.weight) for m in modules if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
    roles: dict[str, Role] = {}
    for name, param in network.named_parameters():
        if param.ndim < 2:
            roles[name] = "biases_norms"
        elif id(param) in embeddings:
            roles[name] = "embeddings"
        else:
            roles[name] = "head" if id(param) == head else "matrices"
    return roles


def check_label(label: str, settings: GroupSettings) -> None:
    """Check the key of a group.

    Raises:
        ValueError: If it is not a role and the group has no pattern.
    """
    if label not in ROLES and settings.match is None:
        raise ValueError(
            f"groups.{label}: should be one of {', '.join(ROLES)}, or have a pattern of names: "
            f"groups.{label}.match=PATTERN.{nearest(label, ROLES)}"
        )


def group_of(name: str, role: str, groups: Mapping[str, GroupSettings]) -> str:
    """Return the key of a parameter's group, "" without one; patterns are tried before roles."""
    matching = _matching(name, groups)
    if matching:
        return matching[0]
    return role if role in groups and groups[role].match is None else ""


def _matching(name: str, groups: Mapping[str, GroupSettings]) -> list[str]:
    """Return the keys of the groups whose pattern a parameter's name matches."""
    patterns = ((label, group.match) for label, group in groups.items())
    return [label for label, match in patterns if match and fnmatchcase(name, match)]


def check_groups(roles: Mapping[str, str], groups: Mapping[str, GroupSettings]) -> None:
    """Check that every group has parameters, and that no parameter matches two patterns.

    Args:
        roles: The role of each parameter.
        groups: The groups of a user.

    Raises:
        ConfigError: If a group has no parameters, or two groups have the same one.
    """
    for name in roles:
        if len(matching := _matching(name, groups)) > 1:
            raise ConfigError(
                f"optimizer.groups: {name} matches the patterns of {' and '.join(matching)}. "
                f"Change their match= so that each parameter is in one group."
            )
    used = {group_of(name, role, groups) for name, role in roles.items()}
    for label, settings in groups.items():
        if label not in used:
            _refuse_empty(label, settings, roles)


def _refuse_empty(label: str, settings: GroupSettings, roles: Mapping[str, str]) -> NoReturn:
    """Raise the error of a group without parameters, which lists those of the model."""
    problem = f" match={settings.match}:" if settings.match is not None else ""
    names = [f"{name} ({role})" for name, role in roles.items()]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    raise ConfigError(
        f"optimizer.groups.{label}:{problem} no parameter of the model is in this group. The "
        f"parameters are {', '.join(names[:_LISTED])}{more}."
    )
