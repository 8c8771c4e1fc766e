"""How trained parameters lie in the lanes' state."""

from __future__ import annotations

import torch

from adamcmp.components.optimizers import Rule
from adamcmp.training.step.batching import Tree
from adamcmp.training.step.config import StepConfig


class Packing:
    """How the trained parameters lie in the state: by name, or many in one tensor.

    Eager steps spend their time on calling operations, or on a GPU on starting them. An elementwise
    rule gives the same numbers on all parameters laid end to end, at half the calls; those of two
    or more dimensions lie apart, since weight decay may spare the others. Compiled steps have few
    calls anyway.

    Args:
        params: The parameters of all lanes.
        step_config: What the lanes share.
    """

    def __init__(self, params: Tree, step_config: StepConfig) -> None:
        rule = step_config.optimizer
        calls = step_config.engine == "eager" or not step_config.fused
        self._packed = calls and isinstance(rule, Rule) and rule.elementwise
        self._shapes = {name: p.shape[1:] for name, p in params.items()}
        self._kinds: dict[str, list[str]] = {}
        for name, shape in self._shapes.items():
            self._kinds.setdefault("matrices" if len(shape) > 1 else "vectors", []).append(name)

    def pack(self, params: Tree) -> Tree:
        """Return a tree of parameters, or of their gradients, as the state holds it."""
        if not self._packed:
            return params
        flat = {
            kind: torch.cat([params[name].flatten(1) for name in names], dim=1)
            for kind, names in self._kinds.items()
        }
        # A matrix of one row, so that rules see what is no vector.
        return {k: p.unsqueeze(1) if k == "matrices" else p for k, p in flat.items()}

    def unpack(self, packed: Tree) -> Tree:
        """Return each parameter by its name, as views of what `pack` returned."""
        if not self._packed:
            return packed
        params: Tree = {}
        for kind, names in self._kinds.items():
            sizes = [self._shapes[name].numel() for name in names]
            parts = torch.split(packed[kind].flatten(1), sizes, 1)
            params |= {
                name: part.view(len(part), *self._shapes[name])
                for name, part in zip(names, parts, strict=True)
            }
        return {name: params[name] for name in self._shapes}
