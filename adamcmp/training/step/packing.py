"""The form of the trained parameters in the lanes' state: by name, or concatenated.

Shapes: M lanes, P scalars in all concatenated parameters.
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
        matrices: Whether the parameters have two or more dimensions. The block is then stored as
            (M, 1, P) instead of (M, P), so that rules that treat matrices differently recognize it.
        names: The parameters, in order.
    """

    matrices: bool
    names: list[str]


class Packing:
    """Converts between parameters by name and the tensors that the lanes' state holds.

    An eager step spends most of its time on calling operations or launching kernels. An elementwise
    rule computes the same numbers on the concatenation of all parameters, with far fewer calls.
    Each parameter group is concatenated separately. Within a group, parameters of two or more
    dimensions are separate from the others, because weight decay may exclude biases and norms.

    Args:
        params: The parameters of all lanes by name, each (M, *shape).
        groups: Names of the parameters of each parameter group; every parameter is in one.
        concatenate: Whether to concatenate; if not, parameters are stored by name.

    Attributes:
        groups: Names of the stored tensors of each parameter group.
        parameter_groups: Names of the parameters of each parameter group.
    """

    def __init__(self, params: Tree, groups: ParameterGroups, concatenate: bool) -> None:
        self.groups = self.parameter_groups = groups
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
        """Convert parameters by name, or their gradients, to the form of the state."""
        if self._blocks is None:
            return params
        packed: Tree = {}
        for key, block in self._blocks.items():
            # Not `flatten`: a parameter may be a single number, of shape (M,).
            pieces = [params[name].reshape(params[name].shape[0], -1) for name in block.names]
            flat = torch.cat(pieces, dim=1)
            packed[key] = flat.unsqueeze(1) if block.matrices else flat
        return packed

    def unpack(self, packed: Tree) -> Tree:
        """Invert `pack`: return parameters by name, as views.

        Args:
            packed: Tensors in the form of the state, of some or all parameter groups.
        """
        if self._blocks is None:
            return packed
        params: Tree = {}
        for key, tensor in packed.items():
            block = self._blocks[key]
            sizes = [self._shapes[name].numel() for name in block.names]
            flat = torch.split(tensor.flatten(1), sizes, 1)
            params |= {
                name: piece.view(piece.shape[0], *self._shapes[name])
                for name, piece in zip(block.names, flat, strict=True)
            }
        return {name: params[name] for name in self._shapes if name in params}
