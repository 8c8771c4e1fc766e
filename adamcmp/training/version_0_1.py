"""The state of a group's checkpoint as version 0.1 wrote it, converted to the current layout."""

from __future__ import annotations

from typing import Any

#: Names of concatenated parameters: there was a single parameter group, which now is number 0.
_BLOCKS = {"matrices": "0.matrices", "vectors": "0.vectors"}


def converted_state(state: dict[str, Any], clips: bool) -> dict[str, Any]:
    """Return what `Lanes.load_state_dict` takes.

    Args:
        state: ``lanes``, the lanes' state, and for a torch.optim class ``torch``, its state.
        clips: Whether the group clips gradients. Clipping was the first of the optimizer's
            transformations, so that the tuple of their states begins with its empty one.
    """
    lanes = dict(state["lanes"])
    concatenated = lanes["params"].keys() <= _BLOCKS.keys()
    if "torch" in state:
        return {"lanes": {**lanes, "optimizer": {}}, "driver": state["torch"]}
    transformations = lanes["optimizer"][1:] if clips else lanes["optimizer"]
    lanes["optimizer"] = (transformations,)  # of each parameter group
    if concatenated:
        for name in ("params", "optimizer"):
            lanes[name] = _renamed(lanes[name])
    return {"lanes": lanes, "driver": {}}


def _renamed(tree: Any) -> Any:
    """Return a tree with the current names of concatenated parameters."""
    if isinstance(tree, dict):
        return {_BLOCKS.get(name, name): _renamed(value) for name, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_renamed(value) for value in tree)
    return tree
