"""What an optimizer driver does.

Shapes: M lanes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

from torch import Tensor

from adamcmp.training.step.batching import State, Tree
from adamcmp.training.step.packing import Packing


class GradientFunction(Protocol):
    """Evaluates the losses and gradients of all lanes on the step's batch."""

    def __call__(self, params: Tree, *, create_graph: bool = False) -> tuple[Tensor, Tree]:
        """Return each lane's loss (M,) and its gradients at `params`.

        Every call evaluates the same function: with the same random numbers, and with the running
        statistics that the network had before the step. A step may call it several times.

        Args:
            params: Parameters, as the state holds them.
            create_graph: Whether the gradients can be differentiated with respect to `params`,
                which then require gradients.

        Returns:
            The losses, and the gradients with the names and shapes of the parameters. If the loss
            does not depend on some parameters, the gradients of the others are given by the names
            of the parameters, whatever the state's form.
        """


class OptimizerDriver(ABC):
    """Updates the lanes' parameters in one training step.

    Attributes:
        concatenates: Whether the parameters of a group may be concatenated.
    """

    concatenates: bool

    @abstractmethod
    def init(self, params: Tree, packing: Packing) -> Any:
        """Return the optimizer's initial state: a tree of tensors, stored in the lanes' state.

        Args:
            params: All lanes' parameters, as the lanes' state holds them.
            packing: How the state holds the parameters of each parameter group.
        """

    @abstractmethod
    def step(
        self, state: State, gradients: GradientFunction, hypers_M: Tree, step_M: Tensor
    ) -> Tree:
        """Update ``state["params"]`` and ``state["optimizer"]`` in place.

        Args:
            state: The lanes' state.
            gradients: Evaluates losses and gradients on the step's batch. The loss and
                gradient norm of the first call are recorded; later calls leave running statistics,
                such as batch norm's, unchanged.
            hypers_M: Hyperparameters (M,) float64 by the names of `Optimizer.hypers`, and
                ``multiplier``.
            step_M: The step's number, counted from 1, float64.

        Returns:
            The change of each tensor of ``state["params"]``.
        """

    def evaluation_params(self, state: State) -> Tree:
        """Return the parameters that evaluations measure, with names and shapes of the parameters.

        By default, these are the parameters that the optimizer updates. Schedule-free methods and
        weight averages override this method.

        Args:
            state: Holds at least ``params`` and ``optimizer``.
        """
        params: Tree = state["params"]
        return params

    def state_dict(self) -> dict[str, Any]:
        """Return the state that a checkpoint needs in addition to that of `init`."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        if state_dict:
            raise ValueError("this optimizer keeps no state outside the lanes' state")
