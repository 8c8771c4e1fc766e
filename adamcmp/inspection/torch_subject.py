"""Classes of torch.optim as black boxes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from adamcmp.inspection.subjects import Stepper, Subject


class TorchStepper(Stepper):
    """An instance of a torch.optim.Optimizer.

    Args:
        create: Returns the instance for a list of parameters.
        weights: The initial weights.
        layout: The layout of gradients; see `TorchSubject`.
    """

    def __init__(
        self, create: Callable[[list[nn.Parameter]], Any], weights: Tensor, layout: str
    ) -> None:
        self._param = nn.Parameter(weights)
        self._layout = layout
        self._optimizer = create([self._param])
        self._initial = [group.get("lr") for group in self._optimizer.param_groups]
        self._takes_closure = _takes_one_argument(self._optimizer.step)
        if all(callable(getattr(self._optimizer, mode, None)) for mode in ("train", "eval")):
            self._optimizer.train()  # schedule-free optimizers step in this mode only

    @property
    def lr(self) -> float | None:
        """The initial learning rate of the first parameter group."""
        initial = self._initial[0]
        return None if initial is None else float(initial)

    @property
    def defaults(self) -> Set[str]:
        """The names of the class's default settings of a parameter group."""
        return frozenset(self._optimizer.defaults)

    def step(self, weights: Tensor, gradient: Tensor, multiplier: float) -> Tensor:
        """See `Stepper.step`."""
        param = self._param
        if not torch.equal(param, weights):
            param.data.copy_(weights)
        for group, initial in zip(self._optimizer.param_groups, self._initial, strict=True):
            if initial is not None:
                group["lr"] = initial * multiplier

        def closure() -> Tensor:
            """Evaluate the loss g·θ, whose gradient is g at any weights."""
            with torch.enable_grad():
                param.grad = self._gradient(gradient)
            return (gradient * param.detach()).sum()

        closure()
        with torch.set_grad_enabled(self._layout == "graph"):
            self._optimizer.step(*[closure] * self._takes_closure)
        return param.detach().clone()

    def _gradient(self, gradient: Tensor) -> Tensor:
        if self._layout == "graph":
            # The difference is 0, and adds a second derivative of 1.
            return gradient + (self._param - self._param.detach())
        return _sparse(gradient) if self._layout == "sparse" else gradient.clone()


def _sparse(tensor: Tensor) -> Tensor:
    """Return a tensor in sparse layout that holds its zeros explicitly."""
    indices = torch.ones_like(tensor).nonzero().T
    return torch.sparse_coo_tensor(indices, tensor.flatten(), tensor.shape, is_coalesced=True)


def _takes_one_argument(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    return True


@dataclass(frozen=True)
class TorchSubject(Subject):
    """A class derived from torch.optim.Optimizer, or another function that returns an instance.

    Attributes:
        factory: The class.
        settings: Keyword arguments of its constructor.
        group: Settings of the parameter group, beside those of the constructor; None passes the
            parameter without a group.
        layout: The layout of gradients that it takes: ``dense``; ``graph``: with a graph, as after
            ``backward(create_graph=True)``; ``sparse``.
    """

    factory: Callable[..., Any]
    settings: Mapping[str, Any]
    dtype: torch.dtype = torch.float64
    shape: tuple[int, ...] = (4, 4)
    group: Mapping[str, Any] | None = None
    layout: str = "dense"

    @cached_property
    def lr(self) -> float | None:
        """See `Subject`."""
        return self._instance().lr

    def stepper(self, weights: Tensor, steps: int) -> TorchStepper:
        """See `Subject.stepper`."""

        def create(params: list[nn.Parameter]) -> Any:
            grouped = params if self.group is None else [{"params": params, **self.group}]
            return self.factory(grouped, **self.settings)

        return TorchStepper(create, weights, self.layout)

    def _instance(self) -> TorchStepper:
        return self.stepper(torch.ones(self.shape, dtype=self.dtype), 1)

    def with_settings(self, **settings: Any) -> TorchSubject:
        """See `Subject.with_settings`."""
        return replace(self, settings={**self.settings, **settings})

    def with_lr(self, lr: float) -> TorchSubject | None:
        """See `Subject.with_lr`."""
        changed = self.with_settings(lr=lr)
        try:
            return None if changed.lr == self.lr else changed
        except Exception:  # a constructor may raise anything
            return None

    def unknown_group_settings(self) -> Iterator[tuple[str, TorchSubject]]:
        """Yield settings of the group that the class has no default of, and the class without."""
        group = self.group or {}
        for name in sorted(group.keys() - self._instance().defaults):
            rest = {other: value for other, value in group.items() if other != name}
            yield f"group.{name}", replace(self, group=rest)

    def variants(self) -> Iterator[TorchSubject]:
        """Yield the optimizer with the parameters and gradients that some classes require."""
        for dtype in (torch.float64, torch.float32):
            for layout in ("dense", "graph", "sparse"):
                for shape in ((4, 4), (16,)):
                    yield replace(self, dtype=dtype, shape=shape, layout=layout)
