"""Execute functions of the lanes' state with an engine; on a GPU, replay them as CUDA graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor

from adamcmp.components.user_rule import is_users_rule
from adamcmp.training.engines.compiled import compiled
from adamcmp.training.engines.cuda_graphs import Replayed
from adamcmp.training.engines.torch_internals import Executable, tree_flatten, tree_unflatten
from adamcmp.training.engines.traced import BoundFunction, traced
from adamcmp.training.engines.tracing import Axes, graph_digest, trace
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
        self._built: dict[str, Callable[..., BoundFunction]] = {}

    def bind(
        self,
        function: StateFunction,
        state: State,
        constants: tuple[Tensor, ...],
        example_inputs: tuple[Tensor, ...],
    ) -> BoundFunction:
        """Return an executable function of the inputs only.

        Args:
            function: The function.
            state: The state to bind; the first dimension of every tensor is the lane.
            constants: The constants to bind.
            example_inputs: Inputs with the shapes of later calls.
        """
        if not self._config.fused and not self._config.traces:
            call = partial(function.call, state, *constants)
            return BoundFunction(call, call)
        leaves, _ = tree_flatten(state)
        bound = [*leaves, *constants]
        if function.name not in self._built:
            arguments = [*bound, *example_inputs]
            self._built[function.name] = self._build(function, state, arguments, len(bound))
        return self._built[function.name](*bound)

    def _build(
        self, function: StateFunction, state: State, arguments: list[Tensor], bound: int
    ) -> Callable[..., BoundFunction]:
        """Return a function that binds the leaves of the state and the constants.

        Args:
            function: The function.
            state: The state.
            arguments: The leaves of the state, the constants, and examples of the inputs.
            bound: Number of leaves and constants.
        """
        leaves, structure = tree_flatten(state)
        count = len(leaves)

        def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
            return function.call(tree_unflatten(tensors[:count], structure), *tensors[count:])

        axes: list[Axes] = [{0: "M"}] * count + function.axes
        if not self._config.fused:  # there is a single lane
            axes = [{d: name for d, name in names.items() if name != "M"} for names in axes]
        identity = [function.name, self._config.identity(), function.identity]
        traces = self._config.traces or self._config.compiles
        if traces and is_users_rule(self._config.optimizer.rule):
            # The modules that a rule of the user's code imports may have changed since.
            identity.append(graph_digest(trace(flat, arguments, axes)))
        if self._config.traces:
            return traced(flat, arguments, axes, identity, bound)
        executable: Executable = lambda tensors: flat(*tensors)  # noqa: E731
        if self._config.compiles:
            executable = compiled(flat, arguments, axes, identity)
        if self._config.replays:
            executable = Replayed(executable, bound)

        def bind(*tensors: Tensor) -> BoundFunction:
            def call(*inputs: Tensor) -> Sequence[Tensor]:
                return executable([*tensors, *inputs])

            return BoundFunction(call, call)

        return bind
