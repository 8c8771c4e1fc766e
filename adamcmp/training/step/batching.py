"""The lane axis: models, losses and rules are written for one run; here, alone, it is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

#: Tensors by name, and all that lanes keep: a tree of tensors whose first axis is the lanes'.
Tree = dict[str, Tensor]
State = dict[str, Any]


def over_lanes(function: Callable[..., Any], fused: bool) -> Callable[..., Any]:
    """Add the lane axis to a function of one run.

    Fused lanes are one batched computation; a lane alone has its axis taken off and put back.
    """
    if fused:
        return torch.vmap(function)

    def alone(*arguments: Any) -> Any:
        return _each(torch.unsqueeze, function(*_each(torch.select, arguments, 0, 0)), 0)

    return alone


def _each(change: Callable[..., Tensor], tree: Any, *arguments: int) -> Any:
    """Change every tensor of a tree: torch's tree_map, at a tenth of its cost for one lane."""
    if isinstance(tree, Tensor):
        return change(tree, *arguments)
    if isinstance(tree, dict):
        return {name: _each(change, branch, *arguments) for name, branch in tree.items()}
    return tuple([_each(change, branch, *arguments) for branch in tree])


def copy_into(old: Any, new: Any) -> None:
    """Copy a tree of tensors into another one."""
    if isinstance(old, Tensor):
        old.copy_(new)
        return
    for there, here in zip(
        *((t.values() if isinstance(t, dict) else t) for t in (old, new)), strict=True
    ):
        copy_into(there, here)
