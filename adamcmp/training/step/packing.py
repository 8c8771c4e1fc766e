"""How the trained parameters are stored in the lanes' state: by name, or concatenated.

Shapes: M lanes, P numbers of all parameters that are concatenated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from adamcmp.training.step.batching import Tree

#: Names of the parameters of each parameter group.
ParameterGroups = Sequence[Sequence[str]]


@dataclass
class _Block:
    """Parameters of one group that are concatenated to one tensor.

    Attributes:
        matrices: Whether they have two or more dimensions. The block is then stored as (M, 1, P)
            instead of (M, P), so that rules which treat matrices differently recognize it.
        names: The parameters, in order.
    """

    matrices: bool
    names: list[str]


class Packing:
    """Converts between parameters by name and the tensors that the lanes' state holds.

    An eager step spends most of its time on calling operations, or on launching kernels. An
    elementwise rule computes the same numbers on the concatenation of all parameters, with a
    fraction of the calls. Parameters are concatenated per parameter group, and those of two or more
    dimensions apart from the others, because weight decay may leave out biases and norms.

    Args:
        params: The parameters of all lanes by name, each (M, *shape).
        groups: Names of the parameters of each parameter group; every parameter is in one.
        concatenate: Whether to concatenate; otherwise parameters are stored by name.

    Attributes:
        groups: Names of the stored tensors of each parameter group.
    """

    def __init__(self, params: Tree, groups: ParameterGroups, concatenate: bool) -> None:
        self.groups: ParameterGroups = groups
        self._shapes = {name: param.shape[1:] for name, param in params.items()}
        self._blocks: dict[str, _Block] | None = None
        if concatenate:
            self._blocks = {}
            for number, names in enumerate(groups):
                for name in names:
                    matrices = len(self._shapes[name]) > 1
                    key = f"{number}.{'matrices' if matrices else 'vectors'}"
                    self._blocks.setdefault(key, _Block(matrices, [])).names.append(name)
            self.groups = [
                [key for key in self._blocks if key.startswith(f"{number}.")]
                for number in range(len(groups))
            ]

    def pack(self, params: Tree) -> Tree:
        """Return parameters, or their gradients, by name in the form that the state holds."""
        if self._blocks is None:
            return params
        packed: Tree = {}
        for key, block in self._blocks.items():
            flat = torch.cat([params[name].flatten(1) for name in block.names], dim=1)
            packed[key] = flat.unsqueeze(1) if block.matrices else flat
        return packed

    def unpack(self, packed: Tree) -> Tree:
        """Return each parameter by its name, as views of what `pack` returned."""
        if self._blocks is None:
            return packed
        params: Tree = {}
        for key, block in self._blocks.items():
            sizes = [self._shapes[name].numel() for name in block.names]
            flat = torch.split(packed[key].flatten(1), sizes, 1)
            params |= {
                name: piece.view(len(piece), *self._shapes[name])
                for name, piece in zip(block.names, flat, strict=True)
            }
        return {name: params[name] for name in self._shapes}
