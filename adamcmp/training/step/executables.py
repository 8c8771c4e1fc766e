"""Execute functions of the lanes' state: eagerly, compiled, or replayed as CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from adamcmp.training.engines.compiled import compiled
from adamcmp.training.engines.cuda_graphs import Replayed
from adamcmp.training.engines.torch_internals import Executable, tree_flatten, tree_unflatten
from adamcmp.training.engines.tracing import Axes
from adamcmp.training.step.batching import State
from adamcmp.training.step.config import StepConfig


@dataclass(frozen=True)
class StateFunction:
    """A function of the lanes' state.

    Attributes:
        name: Identifies the function within a group.
        call: ``call(state, *constants, *inputs)`` returns tensors and may change the state in
            place. Constants are the same tensors in every call; inputs differ.
        axes: The symbolic dimensions of each constant and each input.
        identity: JSON values that determine what it computes, together with the step config.
    """

    name: str
    call: Callable[..., tuple[Tensor, ...]]
    axes: list[Axes]
    identity: Any


class Executables:
    """Executes functions with the engine of the step config; builds each function once.

    Args:
        step_config: The settings that the lanes share.
    """

    def __init__(self, step_config: StepConfig) -> None:
        self._config = step_config
        self._built: dict[str, Executable] = {}

    def bind(
        self,
        function: StateFunction,
        state: State,
        constants: tuple[Tensor, ...],
        example_inputs: tuple[Tensor, ...],
    ) -> Callable[..., Sequence[Tensor]]:
        """Return an executable function of the inputs only.

        Args:
            function: The function.
            state: The state to bind; the first dimension of every tensor is the lane.
            constants: The constants to bind.
            example_inputs: Inputs with the shapes of later calls.
        """
        if not self._config.fused:
            return lambda *inputs: function.call(state, *constants, *inputs)
        leaves, _ = tree_flatten(state)
        bound = [*leaves, *constants]
        if function.name not in self._built:
            executable = self._build(function, state, [*bound, *example_inputs])
            if self._config.replays:
                executable = Replayed(executable, len(bound))
            self._built[function.name] = executable
        executable = self._built[function.name]
        return lambda *inputs: executable([*bound, *inputs])

    def _build(self, function: StateFunction, state: State, arguments: list[Tensor]) -> Executable:
        """Return the executable of flat tensors: the leaves of the state, constants and inputs."""
        leaves, structure = tree_flatten(state)
        count = len(leaves)

        def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
            return function.call(tree_unflatten(tensors[:count], structure), *tensors[count:])

        if not self._config.compiles:
            return lambda tensors: flat(*tensors)
        axes: list[Axes] = [{0: "M"}] * count + function.axes
        identity = [function.name, self._config.identity(), function.identity]
        return compiled(flat, arguments, axes, identity)
