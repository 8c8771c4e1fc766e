"""What updates the lanes' parameters: a chain of transformations, or a torch.optim class.

Shapes: M lanes.
"""

from __future__ import annotations

from torch import Tensor, nn

from adamcmp.components.optimizers import Rule
from adamcmp.components.optimizers.torch import Torch
from adamcmp.training.step.batching import State, Tree, copy_into, over_lanes
from adamcmp.training.step.config import StepConfig


def stepper(step_config: StepConfig, state: State) -> ChainStepper | TorchStepper:
    """Return what moves the parameters of these lanes; what it keeps of them joins `state`."""
    kind = ChainStepper if isinstance(step_config.optimizer, Rule) else TorchStepper
    return kind(step_config, state)


class ChainStepper:
    """Update the lanes' parameters by a chain of transformations."""

    def __init__(self, step_config: StepConfig, state: State) -> None:
        assert isinstance(step_config.optimizer, Rule)
        transformation = step_config.optimizer.chain(clip=step_config.clip)
        state["optimizer"] = over_lanes(transformation.init, step_config.fused)(state["params"])
        self._update = over_lanes(transformation.update, step_config.fused)

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

    def __init__(self, step_config: StepConfig, state: State) -> None:
        self._clip = step_config.clip
        # The optimizer holds the parameters themselves, less their lane axis.
        self._params = {name: nn.Parameter(p[0]) for name, p in state["params"].items()}
        assert isinstance(step_config.optimizer, Torch)
        self.optimizer = step_config.optimizer.make(list(self._params.values()))

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
