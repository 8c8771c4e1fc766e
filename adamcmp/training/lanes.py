"""Lanes: M runs of one group as one batched computation. The core of the program.

Models, losses and optimizer rules are written for one run with ordinary shapes; `_over_lanes` is
the one place where the lane axis is added. A single run is a group of one lane.

Shapes: M lanes, B batch, C outputs, N examples. A trailing ``_M`` says that the lane axis leads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_map

from adamcmp.datasets import Augmentation
from adamcmp.losses import Loss
from adamcmp.models import Model
from adamcmp.models._layers import number_sites
from adamcmp.optimizers import Optimizer, Rule
from adamcmp.optimizers._chain import global_norm
from adamcmp.optimizers.torch import Torch
from adamcmp.streams import bits, stream_seed
from adamcmp.training.device_data import augment
from adamcmp.types import Shape

Tree = dict[str, Tensor]


@dataclass(frozen=True)
class Recipe:
    """What the lanes of a group share."""

    model: Model
    loss: Loss
    optimizer: Optimizer
    augmentation: Augmentation
    black: Tensor
    shape: Shape
    clip: bool
    fused: bool
    device: torch.device
    dtype: torch.dtype
    autocast: bool


@dataclass(frozen=True)
class Step:
    """What one training step showed, for each lane (M,).

    The gradient's norm is taken before clipping, the update's with decay; both where asked for.
    """

    loss_M: Tensor
    grad_norm_M: Tensor | None = None
    update_norm_M: Tensor | None = None


class Lanes:
    """The state of M runs, and how it moves.

    Args:
        recipe: What the lanes share.
        seeds: Each run's seed.
    """

    def __init__(self, recipe: Recipe, seeds: list[int]) -> None:
        self.recipe = recipe
        networks = [_initialized(recipe, seed) for seed in seeds]
        self.network = networks[0]
        self._key_names = number_sites(self.network)
        frozen = {name for name, p in self.network.named_parameters() if not p.requires_grad}
        params = _stacked([dict(n.named_parameters()) for n in networks])
        buffers = _stacked([dict(n.named_buffers()) for n in networks])
        self.params = {name: p for name, p in params.items() if name not in frozen}
        # What the user's own network freezes is held fixed, as its buffers are.
        fixed = buffers | {name: params[name] for name in frozen}
        self.buffers = {name: b for name, b in fixed.items() if name not in self._key_names}
        for param in self.params.values():
            param.requires_grad_(True)
        self.seeds = seeds
        self._keys = {
            stream: _keys([stream_seed(seed, stream) for seed in seeds], recipe.device)
            for stream in ("dropout", "augmentation")
        }
        self._stepper = _stepper(recipe, self.params)
        self._training_loss = _over_lanes(self._training_loss_of_one, recipe.fused)
        self._outputs = _over_lanes(self._outputs_of_one, recipe.fused)
        self._measured = _over_lanes(recipe.loss.measured, recipe.fused)
        self._norm = _over_lanes(global_norm, recipe.fused)

    @property
    def parameters(self) -> int:
        """Number of one run's parameters that are trained."""
        return sum(param[0].numel() for param in self.params.values())

    def step(
        self, number: int, x_MB: Tensor, y_MB: Tensor, hypers_M: Mapping[str, Tensor], norms: bool
    ) -> Step:
        """Take one step of every lane.

        Args:
            number: The step, counted from 1.
            x_MB: Each lane's batch (M, B, *inputs).
            y_MB: Its targets (M, B) or (M, B, C).
            hypers_M: Each lane's hyperparameters, float64 (M,).
            norms: Whether to measure norms of gradient and update.
        """
        if not self.recipe.fused:
            # Stock layers of the user's own networks draw from torch's global generator.
            torch.manual_seed(stream_seed(self.seeds[0], "global", number))
        self.network.train()
        keys = {
            stream: bits(key, torch.full_like(key, number)) for stream, key in self._keys.items()
        }
        buffers = self.buffers | dict.fromkeys(self._key_names, keys["dropout"])
        loss_M = self._training_loss(self.params, buffers, x_MB, y_MB, keys["augmentation"])
        grads = torch.autograd.grad(
            loss_M.sum(), list(self.params.values()), allow_unused=True, materialize_grads=True
        )
        with torch.no_grad():
            grads_M = dict(zip(self.params, grads, strict=True))
            if not norms:
                self._stepper(self.params, grads_M, hypers_M, number)
                return Step(loss_M.detach())
            grad_norm_M = self._norm(grads_M)  # before the stepper, which may clip in place
            before = {name: p.clone() for name, p in self.params.items()}
            self._stepper(self.params, grads_M, hypers_M, number)
            moved = {name: self.params[name] - p for name, p in before.items()}
            return Step(loss_M.detach(), grad_norm_M, self._norm(moved))

    @torch.no_grad()
    def outputs(self, x_B: Tensor) -> Tensor:
        """Return every lane's outputs (M, B, C) for the same examples, in evaluation mode."""
        self.network.eval()
        lanes = len(self.seeds)
        unused = torch.zeros(lanes, dtype=torch.int64, device=self.recipe.device)
        buffers = self.buffers | dict.fromkeys(self._key_names, unused)
        # Each lane is given its own view: a product of shared inputs with all lanes' weights
        # would be one product whose shape, and so whose rounding, depends on the lanes.
        outputs: Tensor = self._outputs(self.params, buffers, x_B.expand(lanes, *x_B.shape))
        return outputs

    @torch.no_grad()
    def measure(self, outputs_MBC: Tensor, y_B: Tensor) -> Tensor:
        """Return each example's loss (M, B)."""
        measured: Tensor = self._measured(outputs_MBC, y_B.expand(len(self.seeds), *y_B.shape))
        return measured

    @torch.no_grad()
    def param_norm(self) -> Tensor:
        """Return the norm of each lane's parameters (M,)."""
        norm: Tensor = self._norm({name: p.detach() for name, p in self.params.items()})
        return norm

    def keep(self, lanes: list[int]) -> None:
        """Drop all lanes but those at the given positions; theirs stay as they are."""
        index = torch.tensor(lanes, device=self.recipe.device)

        def chosen(tensor: Tensor) -> Tensor:
            return tensor.detach()[index].requires_grad_(tensor.requires_grad)

        self.params, self.buffers, self._keys, self._stepper.state = tree_map(
            chosen, (self.params, self.buffers, self._keys, self._stepper.state)
        )
        self.seeds = [self.seeds[lane] for lane in lanes]

    def _training_loss_of_one(
        self, params: Tree, buffers: Tree, x_B: Tensor, y_B: Tensor, key: Tensor
    ) -> Tensor:
        if any(self.recipe.augmentation):
            x_B = augment(x_B, key, self.recipe.augmentation, self.recipe.black)
        return self.recipe.loss.training(self._outputs_of_one(params, buffers, x_B), y_B)

    def _outputs_of_one(self, params: Tree, buffers: Tree, x_B: Tensor) -> Tensor:
        with torch.autocast(
            x_B.device.type, torch.bfloat16, enabled=self.recipe.autocast, cache_enabled=False
        ):
            outputs_BC: Tensor = functional_call(self.network, (params, buffers), (x_B,))
        return outputs_BC.to(self.recipe.dtype)


def _over_lanes(function: Callable[..., Any], fused: bool) -> Callable[..., Any]:
    """Add the lane axis to a function of one run: the one place where that is done.

    Fused lanes are one batched computation; a lane alone has its axis taken off and put back.
    """
    if fused:
        return torch.vmap(function)

    def alone(*arguments: Any) -> Any:
        one = tree_map(lambda tensor: tensor[0], arguments)
        return tree_map(lambda tensor: tensor.unsqueeze(0), function(*one))

    return alone


class _ChainStepper:
    """Moves the lanes' parameters by a chain of links."""

    def __init__(self, recipe: Recipe, params: Tree) -> None:
        assert isinstance(recipe.optimizer, Rule)
        link = recipe.optimizer.chain(clip=recipe.clip)
        detached = {name: p.detach() for name, p in params.items()}
        self.state = _over_lanes(link.init, recipe.fused)(detached)
        self._update = _over_lanes(link.update, recipe.fused)

    def __call__(
        self, params: Tree, grads: Tree, hypers_M: Mapping[str, Tensor], number: int
    ) -> None:
        first = next(iter(hypers_M.values()))
        step_M = torch.full_like(first, number)
        detached = {name: p.detach() for name, p in params.items()}
        updates, self.state = self._update(grads, self.state, detached, dict(hypers_M), step_M)
        for name, param in params.items():
            param.add_(updates[name])


class _TorchStepper:
    """Moves one lane's parameters by the user's own torch.optim class."""

    def __init__(self, recipe: Recipe, params: Tree) -> None:
        self.state: dict[str, Any] = {}
        self._clip = recipe.clip
        # The optimizer holds the parameters themselves, less their lane axis.
        self._params = {name: nn.Parameter(p.detach()[0]) for name, p in params.items()}
        assert isinstance(recipe.optimizer, Torch)
        self._optimizer = recipe.optimizer.make(list(self._params.values()))

    def __call__(
        self, params: Tree, grads: Tree, hypers_M: Mapping[str, Tensor], number: int
    ) -> None:
        for name, param in self._params.items():
            param.grad = grads[name][0]
        if self._clip:
            nn.utils.clip_grad_norm_(self._params.values(), float(hypers_M["grad_clip"]))
        for group in self._optimizer.param_groups:
            group["lr"] = float(hypers_M["multiplier"] * hypers_M["lr"])
            if "momentum" in hypers_M:  # a schedule's momentum cycle, as torch's OneCycleLR
                momentum = float(hypers_M["momentum"])
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                elif "momentum" in group:
                    group["momentum"] = momentum
        self._optimizer.step()


def _stepper(recipe: Recipe, params: Tree) -> _ChainStepper | _TorchStepper:
    kind = _ChainStepper if isinstance(recipe.optimizer, Rule) else _TorchStepper
    return kind(recipe, params)


def _initialized(recipe: Recipe, seed: int) -> nn.Module:
    """Return a network whose weights depend on the run's seed alone, on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        return recipe.model.build(recipe.shape).to(recipe.device, recipe.dtype)


def _stacked(trees: list[dict[str, Any]]) -> Tree:
    return {name: torch.stack([tree[name].detach() for tree in trees]) for name in trees[0]}


def _keys(seeds: list[int], device: torch.device) -> Tensor:
    return torch.tensor(seeds, dtype=torch.int64, device=device)
