"""What moves the lanes' parameters: a chain of links, or the user's own torch.optim class.

Shapes: M lanes.
"""

from __future__ import annotations

from torch import Tensor, nn

from adamcmp.optimizers import Rule
from adamcmp.optimizers.torch import Torch
from adamcmp.training.axis import State, Tree, copy_into, over_lanes
from adamcmp.training.recipe import Recipe


def stepper(recipe: Recipe, state: State) -> ChainStepper | TorchStepper:
    """Return what moves the parameters of these lanes; what it keeps of them joins `state`."""
    kind = ChainStepper if isinstance(recipe.optimizer, Rule) else TorchStepper
    return kind(recipe, state)


class ChainStepper:
    """Moves the lanes' parameters by a chain of links; its state is part of the lanes'."""

    def __init__(self, recipe: Recipe, state: State) -> None:
        assert isinstance(recipe.optimizer, Rule)
        link = recipe.optimizer.chain(clip=recipe.clip)
        state["optimizer"] = over_lanes(link.init, recipe.fused)(state["params"])
        self._update = over_lanes(link.update, recipe.fused)

    def __call__(
        self, state: State, grads: Tree, hypers_M: dict[str, Tensor], step_M: Tensor
    ) -> Tree:
        """Move `state` in place along the gradients; return by how much each parameter moved."""
        updates: Tree
        updates, moved = self._update(grads, state["optimizer"], state["params"], hypers_M, step_M)
        for name, param in state["params"].items():
            param.add_(updates[name])
        copy_into(state["optimizer"], moved)
        return updates


class TorchStepper:
    """Moves one lane's parameters by the user's own torch.optim class."""

    def __init__(self, recipe: Recipe, state: State) -> None:
        self._clip = recipe.clip
        # The optimizer holds the parameters themselves, less their lane axis.
        self._params = {name: nn.Parameter(p[0]) for name, p in state["params"].items()}
        assert isinstance(recipe.optimizer, Torch)
        self.optimizer = recipe.optimizer.make(list(self._params.values()))

    def __call__(
        self, state: State, grads: Tree, hypers_M: dict[str, Tensor], step_M: Tensor
    ) -> Tree:
        """As `ChainStepper`'s; the one lane's hyperparameters go to the optimizer's groups."""
        before = {name: p.detach().clone() for name, p in self._params.items()}
        for name, param in self._params.items():
            param.grad = grads[name][0]
        if self._clip:
            nn.utils.clip_grad_norm_(self._params.values(), float(hypers_M["grad_clip"]))
        for group in self.optimizer.param_groups:
            group["lr"] = float(hypers_M["multiplier"] * hypers_M["lr"])
            if "momentum" in hypers_M:  # a schedule's momentum cycle, as torch's OneCycleLR
                momentum = float(hypers_M["momentum"])
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                elif "momentum" in group:
                    group["momentum"] = momentum
        self.optimizer.step()
        return {name: (p.detach() - before[name])[None] for name, p in self._params.items()}
