"""Lanes: M runs of one group as one batched computation. The core of the program.

Models, losses and optimizer rules are written for one run with ordinary shapes; `axis` adds
the lane axis. A single run is a group of one lane.

Shapes: M lanes, B batch, C outputs, N examples. A trailing ``_M`` says that the lane axis leads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from adamcmp.components.layers import number_sites
from adamcmp.components.transformations import global_norm
from adamcmp.platform.random_streams import bits, stream_seed
from adamcmp.training.device_data import Examples, augment
from adamcmp.training.engines.compiled import Executable, compiled
from adamcmp.training.engines.cuda_graphs import Replayed
from adamcmp.training.engines.tracing import Axes
from adamcmp.training.step.batching import State, Tree, copy_into, over_lanes
from adamcmp.training.step.chunks import StepChunk
from adamcmp.training.step.config import StepConfig
from adamcmp.training.step.drivers import TorchStepper, stepper
from adamcmp.training.step.packing import Packing


@dataclass(frozen=True)
class Step:
    """What one training step showed, for each lane (M,).

    The gradient's norm is taken before clipping, the update's with decay.
    """

    loss_M: Tensor
    grad_norm_M: Tensor
    update_norm_M: Tensor


class Lanes:
    """The state of M runs, and how it moves.

    Args:
        step_config: What the lanes share.
        seeds: Each run's seed.
        train: What batches are drawn from.
    """

    def __init__(self, step_config: StepConfig, seeds: list[int], train: Examples) -> None:
        self.step_config = step_config
        self.train = train
        networks = [_initialized(step_config, seed) for seed in seeds]
        self.network = networks[0]
        self._key_names = number_sites(self.network)
        frozen = {name for name, p in self.network.named_parameters() if not p.requires_grad}
        params = _stacked([dict(n.named_parameters()) for n in networks])
        buffers = _stacked([dict(n.named_buffers()) for n in networks])
        # What the user's own network freezes is held fixed, as its buffers are.
        fixed = buffers | {name: params[name] for name in frozen}
        trained = {name: p for name, p in params.items() if name not in frozen}
        self._packing = Packing(trained, step_config)
        self._training_loss = over_lanes(self._training_loss_of_one, step_config.fused)
        self._measured = over_lanes(self._measured_of_one, step_config.fused)
        self._norm = over_lanes(global_norm, step_config.fused)
        self.seeds = seeds
        device = step_config.device
        #: Everything of the lanes that training moves or reads; every tensor's first axis is M.
        self.state: State = {
            "params": self._packing.pack(trained),
            "buffers": {name: b for name, b in fixed.items() if name not in self._key_names},
            "keys": {
                stream: _keys([stream_seed(seed, stream) for seed in seeds], device)
                for stream in self._streams()
            },
            "bound": torch.full((len(seeds),), torch.inf, dtype=torch.float64, device=device),
            "stopped": torch.full((len(seeds),), -1, dtype=torch.int64, device=device),
        }
        self._stepper = stepper(step_config, self.state)
        self._ways: dict[str, Executable] = {}

    def whole_state(self) -> State:
        """Return all that training goes on from, the state of a user's own optimizer too."""
        if isinstance(self._stepper, TorchStepper):
            return {"lanes": self.state, "torch": self._stepper.optimizer.state_dict()}
        return {"lanes": self.state}

    def load(self, whole_state: State, lanes: list[int] | None = None) -> None:
        """Take over what `whole_state` returned.

        Args:
            whole_state: The state of these lanes, or of more.
            lanes: The positions in it of these lanes; None when it is of these alone.
        """
        state = whole_state["lanes"]
        if lanes is not None:
            state = tree_map(lambda tensor: tensor[torch.tensor(lanes)], state)
        copy_into(self.state, state)
        if isinstance(self._stepper, TorchStepper):
            self._stepper.optimizer.load_state_dict(whole_state["torch"])

    def _streams(self) -> list[str]:
        """Return the names of the random streams that steps draw from."""
        drawn = {"dropout": self._key_names, "augmentation": any(self.step_config.augmentation)}
        return [name for name, is_drawn in drawn.items() if is_drawn]

    @property
    def parameters(self) -> int:
        """Number of one run's parameters that are trained."""
        return sum(param[0].numel() for param in self.state["params"].values())

    @property
    def bytes(self) -> int:
        """Size of the lanes' state."""
        return sum(tensor.nbytes for tensor in tree_flatten(self.state)[0])

    def steps(self, stretch: StepChunk, count: int) -> Step:
        """Take the first `count` steps of a stretch with every lane; return the last one.

        A lane whose loss leaves its bound is noted in the state and goes on.
        """

        def advance(
            state: State, x_N: Tensor, y_N: Tensor, index_MKB: Tensor, hypers_HKM: Tensor, k: Tensor
        ) -> tuple[Tensor, ...]:
            index_MB = index_MKB.index_select(1, k).squeeze(1)
            values = hypers_HKM.index_select(1, k).squeeze(1).unbind(0)
            hypers_M = dict(zip(stretch.names, values, strict=True))
            return self._advance(state, x_N[index_MB], y_N[index_MB], hypers_M)

        self.network.train()
        examples, laid_out = (self.train.x, self.train.y), (stretch.index_MKB, stretch.hypers_HKM)
        places = torch.arange(count, device=self.step_config.device).unsqueeze(1).unbind()
        symbols: list[Axes] = [{0: "N"}, {0: "N"}, {0: "M"}, {2: "M"}, {}]
        moving = (*laid_out, places[0])
        way = self._way("step", advance, self.state, examples, moving, symbols, stretch.names)
        shown: Sequence[Tensor] = ()
        for number, place in enumerate(places, start=stretch.begin + 1):
            if not self.step_config.fused:
                # Stock layers of the user's own networks draw from torch's global generator.
                _seed(stream_seed(self.seeds[0], "global", number), self.step_config.device)
            shown = way(*laid_out, place)
        return Step(*shown)

    def measure(self, examples: Examples, size: int) -> tuple[Tensor, Tensor]:
        """Return each lane's summed loss (M,) and number of wrong answers (M,), both float64.

        Args:
            examples: What is looked at; real targets are never wrong.
            size: Examples looked at in one go.
        """

        def look(state: State, x_N: Tensor, y_N: Tensor, start: Tensor) -> tuple[Tensor, ...]:
            place_B = start + torch.arange(size, device=start.device)
            there_B = place_B < x_N.shape[0]
            index_B = place_B.clamp(max=x_N.shape[0] - 1)
            return self._look(state, x_N[index_B], y_N[index_B], there_B)

        self.network.eval()
        state = {name: self.state[name] for name in ("params", "buffers")}
        starts = torch.arange(0, len(examples), size, device=self.step_config.device)[
            :, None
        ].unbind()
        symbols: list[Axes] = [{0: "N"}, {0: "N"}, {}]
        tensors = (examples.x, examples.y)
        way = self._way("measure", look, state, tensors, starts[:1], symbols, size)
        zero_M = torch.zeros(len(self.seeds), dtype=torch.float64, device=self.step_config.device)
        loss_M = wrong_M = zero_M
        with torch.no_grad():
            for start in starts:
                loss, wrong = way(start)
                loss_M, wrong_M = loss_M + loss, wrong_M + wrong
        return loss_M, wrong_M

    @torch.no_grad()
    def param_norm(self) -> Tensor:
        """Return the norm of each lane's parameters (M,)."""
        norm: Tensor = self._norm(self.state["params"])
        return norm

    def keep(self, lanes: list[int]) -> None:
        """Drop all lanes but those at the given positions; theirs stay as they are."""
        index = torch.tensor(lanes, device=self.step_config.device)
        self.state = tree_map(lambda tensor: tensor[index], self.state)
        self.seeds = [self.seeds[lane] for lane in lanes]

    def _way(
        self,
        name: str,
        function: Callable[..., tuple[Tensor, ...]],
        state: State,
        tensors: tuple[Tensor, ...],
        moving: tuple[Tensor, ...],
        symbols: list[Axes],
        about: Any,
    ) -> Callable[..., Sequence[Tensor]]:
        """Return `function` of its last arguments alone, executed as the step_config's engine does.

        Args:
            name: What the function is called.
            function: Of `state`, `tensors` and what moves.
            state: Its tensors, whose first axes are M; changed in place.
            tensors: Further arguments that stay the same from call to call.
            moving: Examples of the last arguments, which do not.
            symbols: Symbolic axes of `tensors` and `moving`.
            about: What the function depends on beside the step_config.
        """
        if not self.step_config.fused:
            return lambda *moving: function(state, *tensors, *moving)
        leaves, tree = tree_flatten(state)
        arguments = [*leaves, *tensors]

        def flat(*flat: Tensor) -> tuple[Tensor, ...]:
            return function(tree_unflatten(flat[: len(leaves)], tree), *flat[len(leaves) :])

        if name not in self._ways:
            axes: list[Axes] = [{0: "M"}] * len(leaves) + symbols
            example = [*arguments, *moving]
            if self.step_config.engine == "compiled":
                way = compiled(flat, example, axes, [name, self.step_config.about(), about])
            else:
                way = lambda tensors: flat(*tensors)  # noqa: E731
            self._ways[name] = Replayed(way, len(arguments)) if self.step_config.replays else way
        way = self._ways[name]
        return lambda *moving: way([*arguments, *moving])

    def _advance(
        self, state: State, x_MB: Tensor, y_MB: Tensor, hypers_M: dict[str, Tensor]
    ) -> tuple[Tensor, ...]:
        """Take one step, changing `state` in place; return loss and norms of each lane."""
        step_M = hypers_M.pop("step")
        number_M = step_M.long()
        keys = {stream: bits(key, number_M) for stream, key in state["keys"].items()}
        unused_M = number_M  # an argument that every lane has, though no stream is drawn from
        params = self._packing.unpack(state["params"])
        params = {name: p.detach().requires_grad_() for name, p in params.items()}
        buffers = state["buffers"] | dict.fromkeys(self._key_names, keys.get("dropout", unused_M))
        with torch.enable_grad():
            loss_M = self._training_loss(
                params, buffers, x_MB, y_MB, keys.get("augmentation", unused_M)
            )
            grads = torch.autograd.grad(
                loss_M.sum(), list(params.values()), allow_unused=True, materialize_grads=True
            )
        with torch.no_grad():
            loss_M = loss_M.detach()
            grads_M = self._packing.pack(dict(zip(params, grads, strict=True)))
            grad_norm_M = self._norm(grads_M)  # before the stepper, which may clip in place
            updates_M = self._stepper(state, grads_M, hypers_M, step_M)
            bad_M = ~(loss_M <= state["bound"])  # NaN compares as false
            fresh_M = bad_M & (state["stopped"] < 0)
            state["stopped"].copy_(torch.where(fresh_M, number_M - 1, state["stopped"]))
            return loss_M, grad_norm_M, self._norm(updates_M)

    def _look(
        self, state: State, x_B: Tensor, y_B: Tensor, there_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return each lane's summed loss and wrong answers for the same examples."""
        lanes = next(iter(state["params"].values())).shape[0]
        unused = torch.zeros(lanes, dtype=torch.int64, device=x_B.device)
        buffers = state["buffers"] | dict.fromkeys(self._key_names, unused)
        # Each lane is given its own view: a product of shared inputs with all lanes' weights
        # would be one product whose shape, and so whose rounding, depends on the lanes.
        shared = [tensor.expand(lanes, *tensor.shape) for tensor in (x_B, y_B)]
        params = self._packing.unpack(state["params"])
        loss_MB, wrong_MB = self._measured(params, buffers, *shared)
        loss_MB = torch.where(there_B, loss_MB.double(), 0.0)
        return loss_MB.sum(1), (wrong_MB & there_B).sum(1)

    def _training_loss_of_one(
        self, params: Tree, buffers: Tree, x_B: Tensor, y_B: Tensor, key: Tensor
    ) -> Tensor:
        if any(self.step_config.augmentation):
            x_B = augment(x_B, key, self.step_config.augmentation, self.step_config.padding_value)
        return self.step_config.loss.training(self._outputs_of_one(params, buffers, x_B), y_B)

    def _measured_of_one(
        self, params: Tree, buffers: Tree, x_B: Tensor, y_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        outputs_BC = self._outputs_of_one(params, buffers, x_B)
        loss_B = self.step_config.loss.measured(outputs_BC, y_B)
        if y_B.is_floating_point():
            return loss_B, torch.zeros_like(loss_B, dtype=torch.bool)
        # An output that is NaN answers nothing; argmax would take it for the largest.
        answered_B = outputs_BC.isfinite().all(-1)
        return loss_B, ~((outputs_BC.argmax(-1) == y_B) & answered_B)

    def _outputs_of_one(self, params: Tree, buffers: Tree, x_B: Tensor) -> Tensor:
        if self.step_config.model.channels_last and not self.step_config.fused:
            x_B, params = _channels_last(x_B), {n: _channels_last(p) for n, p in params.items()}
        with torch.autocast(
            x_B.device.type, torch.bfloat16, enabled=self.step_config.autocast, cache_enabled=False
        ):
            outputs_BC: Tensor = functional_call(self.network, (params, buffers), (x_B,))
        return outputs_BC.to(self.step_config.dtype)


def _initialized(step_config: StepConfig, seed: int) -> nn.Module:
    """Return a network whose weights depend on the run's seed alone, on every device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream_seed(seed, "init"))
        return step_config.model.build(step_config.shape).to(step_config.device, step_config.dtype)


def _channels_last(tensor: Tensor) -> Tensor:
    """Lay out images, and kernels, with their channels innermost."""
    if tensor.ndim != 4:
        return tensor
    # Not `contiguous`, which takes a tensor of one channel for one that is laid out so already.
    return tensor.clone(memory_format=torch.channels_last)


def _stacked(trees: list[dict[str, Any]]) -> Tree:
    return {name: torch.stack([tree[name].detach() for tree in trees]) for name in trees[0]}


def _seed(seed: int, device: torch.device) -> None:
    """Seed the global generators that the device draws from; torch.manual_seed tries them all."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


def _keys(seeds: list[int], device: torch.device) -> Tensor:
    return torch.tensor(seeds, dtype=torch.int64, device=device)
