"""Lanes: the runs of a group, trained as one batched computation.

A run that is trained individually is a group of one lane.

Shapes: M lanes, K steps, B batch, N examples, H hyperparameters. A name that ends in ``_M`` has the
lane as its first dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from adamcmp.components.optimizers import parameter_roles
from adamcmp.platform.global_generators import seed_generators, seed_torch
from adamcmp.platform.random_streams import stream_seed
from adamcmp.training.device_data import Examples
from adamcmp.training.engines.torch_internals import tree_flatten, tree_map
from adamcmp.training.step.batching import State, copy_into
from adamcmp.training.step.chunks import StepChunk
from adamcmp.training.step.config import StepConfig
from adamcmp.training.step.drivers import create_driver
from adamcmp.training.step.executables import Executables, StateFunction
from adamcmp.training.step.functions import LaneFunctions
from adamcmp.training.step.initialization import initial_networks, initial_state
from adamcmp.training.step.packing import Packing


@dataclass(frozen=True)
class StepResult:
    """The results of a training step for each lane.

    Attributes:
        loss_M: Training loss before the step.
        grad_norm_M: Norm of its gradient, before clipping.
        update_norm_M: Norm of the parameters' change, weight decay included.
    """

    loss_M: Tensor
    grad_norm_M: Tensor
    update_norm_M: Tensor


@dataclass(frozen=True)
class Measured:
    """What was measured of each lane on the same N examples.

    Attributes:
        loss_M: Summed loss, float64.
        error_M: Number of wrong predictions; with real targets, the summed squared error.
        weighted_M: Summed weight of the wrong predictions.
        loss_MN: The loss of each example, float16; None unless requested.
        wrong_MN: Whether each prediction is wrong; None unless requested. With real targets it has
            no meaning.
    """

    loss_M: Tensor
    error_M: Tensor
    weighted_M: Tensor
    loss_MN: Tensor | None = None
    wrong_MN: Tensor | None = None


class Lanes:
    """The state of M runs and the steps that change it.

    Args:
        step_config: The settings that the lanes share.
        seeds: Each lane's seed.
        train: The training examples.

    Attributes:
        state: The complete training state, except that of a torch.optim class; the first dimension
            of every tensor is M.
    """

    def __init__(self, step_config: StepConfig, seeds: list[int], train: Examples) -> None:
        self.step_config, self.seeds, self._train = step_config, seeds, train
        optimizer, fused = step_config.optimizer, step_config.fused
        initial = initial_networks(step_config, seeds)
        roles = parameter_roles(initial.network)
        groups = optimizer.parameter_groups({name: roles[name] for name in initial.params})
        self._driver = create_driver(optimizer, groups, clip=step_config.clip, fused=fused)
        self._network = initial.network
        # Compiled steps have few calls, so concatenating parameters would not make them faster.
        concatenate = self._driver.concatenates and not step_config.compiles
        packing = Packing(initial.params, [group.names for group in groups], concatenate)
        self.state = initial_state(step_config, seeds, packing.pack(initial.params), initial)
        self.state["optimizer"] = self._driver.init(self.state["params"], packing)
        self._functions = LaneFunctions(
            initial.network, initial.dropout_keys, packing, self._driver, step_config
        )
        self._executables = Executables(step_config)
        # Seeding NumPy and Python too takes a tenth of the time of a small step.
        self._seed_generators = seed_generators if step_config.runs_user_code else seed_torch

    def state_dict(self) -> State:
        """Return the state for a checkpoint, including that of a torch.optim class."""
        return {"lanes": self.state, "driver": self._driver.state_dict()}

    def load_state_dict(self, state_dict: State, positions: list[int] | None = None) -> None:
        """Restore the state that `state_dict` returned.

        Args:
            state_dict: The state of these lanes, and possibly of others.
            positions: The positions of these lanes in it; None if it has no others.
        """
        state = state_dict["lanes"]
        if positions is not None:
            state = tree_map(lambda tensor: tensor[torch.tensor(positions)], state)
        copy_into(self.state, state)
        self._driver.load_state_dict(state_dict["driver"])

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters of one run."""
        return sum(param[0].numel() for param in self.state["params"].values())

    @property
    def nbytes(self) -> int:
        """Size of the lanes' state in bytes."""
        return sum(tensor.nbytes for tensor in tree_flatten(self.state)[0])

    def steps(self, chunk: StepChunk, count: int) -> StepResult:
        """Take the first `count` steps of a chunk with every lane; return the last one's result.

        A lane whose loss exceeds its bound is marked in the state and continues.
        """
        names = chunk.names

        def step(
            state: State, x_N: Tensor, y_N: Tensor, index_MKB: Tensor, hypers_HKM: Tensor, k: Tensor
        ) -> tuple[Tensor, ...]:
            index_MB = index_MKB.index_select(1, k).squeeze(1)
            values = hypers_HKM.index_select(1, k).squeeze(1).unbind(0)
            hypers_M = dict(zip(names, values, strict=True))
            batch = (_select(x_N, index_MB), _select(y_N, index_MB))
            return self._functions.train(state, *batch, hypers_M)

        self._network.train()
        device = self.step_config.device
        prepared = (chunk.index_MKB, chunk.hypers_HKM)
        offsets = torch.arange(count, device=device).unsqueeze(1).unbind()
        function = StateFunction("step", step, [{0: "N"}, {0: "N"}, {0: "M"}, {2: "M"}, {}], names)
        examples = (self._train.x, self._train.y)
        bound = self._executables.bind(function, self.state, examples, (*prepared, offsets[0]))
        result: Sequence[Tensor] = ()
        for number, offset in enumerate(offsets, start=1):
            if not self.step_config.fused:
                # torch's layers and users' networks draw from the global generators.
                seed = stream_seed(self.seeds[0], "global", chunk.begin + number)
                self._seed_generators(seed, device)
            take_step = bound.update if number < count else bound.execute
            result = take_step(*prepared, offset)
        return StepResult(*result)

    def measure(
        self, examples: Examples, batch_size: int, *, keep_outcomes: bool = False
    ) -> Measured:
        """Measure all lanes on the same examples, at the driver's evaluation parameters.

        Args:
            examples: The examples.
            batch_size: Examples per forward pass.
            keep_outcomes: Whether to return what was measured of each example.
        """

        def evaluate(
            state: State, x_N: Tensor, y_N: Tensor, weight_N: Tensor, start: Tensor
        ) -> tuple[Tensor, ...]:
            position_B = start + torch.arange(batch_size, device=start.device)
            valid_B = position_B < x_N.shape[0]
            index_B = position_B.clamp(max=x_N.shape[0] - 1)
            batch = (_select(x_N, index_B), _select(y_N, index_B), _select(weight_N, index_B))
            return self._functions.evaluate(state, *batch, valid_B)

        self._network.eval()
        device = self.step_config.device
        if not self.step_config.fused:
            self._seed_generators(stream_seed(self.seeds[0], "global"), device)
        state = {name: self.state[name] for name in ("params", "buffers", "optimizer")}
        starts = torch.arange(0, len(examples), batch_size, device=device)[:, None].unbind()
        function = StateFunction("measure", evaluate, [*([{0: "N"}] * 3), {}], batch_size)
        tensors = (examples.x, examples.y, examples.weight)
        execute = self._executables.bind(function, state, tensors, starts[:1]).execute
        sums = [torch.zeros(len(self.seeds), dtype=torch.float64, device=device)] * 3
        outcomes: list[tuple[Tensor, Tensor]] = []
        with torch.no_grad():
            for start in starts:
                *batch_sums, loss_MB, error_MB = execute(start)
                sums = [total + more for total, more in zip(sums, batch_sums, strict=True)]
                if keep_outcomes:  # converted to copies, since the next call may overwrite them
                    outcomes.append((loss_MB.half(), error_MB.bool()))
        by_example = (
            torch.cat(batches, 1)[:, : len(examples)] for batches in zip(*outcomes, strict=True)
        )
        return Measured(*sums, *by_example)

    @torch.no_grad()
    def param_norm(self) -> Tensor:
        """Return the norm of each lane's evaluation parameters (M,)."""
        norm: Tensor = self._functions.norm(self._driver.evaluation_params(self.state))
        return norm

    def select(self, positions: list[int]) -> None:
        """Keep the lanes at these positions, unchanged, and drop the others."""
        index = torch.tensor(positions, device=self.step_config.device)
        self.state = tree_map(lambda tensor: tensor[index], self.state)
        self.seeds = [self.seeds[position] for position in positions]


def _select(values_N: Tensor, index: Tensor) -> Tensor:
    """Return `values_N[index]` in a third of its time.

    Args:
        values_N: Values (N, …).
        index: Positions of any shape, which the first dimensions of the result have.
    """
    selected = values_N.index_select(0, index.flatten())
    return selected.view(*index.shape, *values_N.shape[1:])
