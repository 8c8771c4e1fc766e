"""Steps of an optimizer with copies of a network's parameters, to check it before training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from adamcmp.components.optimizers import Optimizer, ParameterGroup
from adamcmp.platform.global_generators import seeded_generators
from adamcmp.training.engines.torch_internals import tree_map
from adamcmp.training.step.batching import Tree, copy_into
from adamcmp.training.step.drivers import create_driver
from adamcmp.training.step.packing import Packing


class Trial:
    """Copies of a network's parameters, and the optimizer that updates them.

    The loss is a quadratic function of the parameters, whose gradients at the initial ones are
    given. Its random numbers are the same in all steps by default.

    Attributes:
        rule: The name of the rule.
        params: The parameters, with a dimension for one lane.
        driver: Updates them.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        groups: Sequence[ParameterGroup],
        params: Tree,
        grads: Tree,
        *,
        fused: bool = False,
        concatenate: bool = False,
    ) -> None:
        self.rule = optimizer.rule
        self.params = {name: param.detach().clone()[None] for name, param in params.items()}
        self._initial = {name: param.clone() for name, param in self.params.items()}
        self._grads = grads
        numbers = {**optimizer.hypers(), "multiplier": 1.0}
        self._hypers_M = {n: torch.tensor([v], dtype=torch.float64) for n, v in numbers.items()}
        members = [replace(g, names=tuple(n for n in g.names if n in params)) for g in groups]
        members = [group for group in members if group.names]
        self.driver = create_driver(optimizer, members, clip=False, fused=fused)
        names = [group.names for group in members]
        self._packing = Packing(self.params, names, concatenate)
        packed = self._packing.pack(self.params)
        self._state = {"params": packed, "optimizer": self.driver.init(packed, self._packing)}
        self._initial_state = tree_map(torch.clone, self._state)

    def parameters(self) -> Tree:
        """Return the parameters by name."""
        return self._packing.unpack(self._state["params"])

    def step(self, seed: int = 0) -> None:
        """Update the parameters.

        Args:
            seed: Seed of the random numbers.
        """
        with seeded_generators(seed), torch.no_grad():  # as in training
            step_M = torch.ones(1, dtype=torch.float64)
            self.driver.step(self._state, self._gradients, self._hypers_M, step_M)

    def restart(self) -> None:
        """Restore the parameters and the optimizer's state before the first step."""
        copy_into(self._state, self._initial_state)

    def _gradients(self, params: Tree, *, create_graph: bool = False) -> tuple[Tensor, Tree]:
        """Return the loss g·(θ − θ₀) + ‖θ − θ₀‖²/2, which is 0 at θ₀, and its gradients."""
        loss, grads = torch.zeros(1), {}
        params = self._packing.unpack(params)
        for name, grad in self._grads.items():
            moved = params[name] - self._initial[name]
            loss += (moved.square().sum() / 2 + (grad.to_dense() * moved).sum()).detach()
            grads[name] = grad[None].clone() if grad.is_sparse else grad + moved
        complete = grads.keys() == params.keys()
        return loss, self._packing.pack(grads) if complete else grads
