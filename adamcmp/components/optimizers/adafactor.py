"""Adafactor: second moments of matrices from the means of their rows and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import Rule
from adamcmp.components.transformations import GradientTransformation, moving_average

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def adafactor_step(eps1: float | None) -> GradientTransformation:
    """Turn g into Adafactor's step.

    >>> import torch
    >>> adafactor = adafactor_step(eps1=None)
    >>> params, grads = {"w": torch.ones(2, 2)}, {"w": torch.tensor([[1.0, 2.0], [2.0, 4.0]])}
    >>> hypers = {"lr": 0.1, "multiplier": 1.0, "beta2_decay": -0.8, "eps2": 1e-3, "d": 1.0}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> adafactor.update(grads, adafactor.init(params), params, hypers, torch.tensor(1.0))[0]["w"]
    tensor([[-0.1000, -0.1000],
            [-0.1000, -0.1000]])

    With β_t = 1 − t^decay, averages of g²: R of its row means and C of its column means, V = R·C /
    mean(R), for tensors of two or more dimensions (the last two are factored); V of g² itself for
    others. U = g / √V, clipped to U / max(1, RMS(U) / d). u = −max(ε2, RMS(θ))·min(η_t, 1/√t)·U.
    Source: Shazeer & Stern 2018 (arXiv 1804.04235), Algorithms 4 and 5, without momentum;
    torch.optim.Adafactor, which bounds √V below by ε1 instead of adding it to g².

    Args:
        eps1: ε1; None is the machine epsilon of the parameter's type, as in torch.
    """
    import torch

    def init(params: Tree) -> dict[str, Tree]:
        factored = {n: p for n, p in params.items() if p.ndim > 1}
        return {
            "row": {n: p.new_zeros((*p.shape[:-1], 1)) for n, p in factored.items()},
            "column": {
                n: p.new_zeros((*p.shape[:-2], 1, p.shape[-1])) for n, p in factored.items()
            },
            "full": {n: p.new_zeros(p.shape) for n, p in params.items() if p.ndim <= 1},
        }

    def update(
        grads: Tree, state: dict[str, Tree], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Tree]]:
        squares = {n: g.square() for n, g in grads.items()}
        means = {
            "row": {n: squares[n].mean(dim=-1, keepdim=True) for n in state["row"]},
            "column": {n: squares[n].mean(dim=-2, keepdim=True) for n in state["column"]},
            "full": {n: squares[n] for n in state["full"]},
        }
        beta2 = 1 - step ** hypers["beta2_decay"]
        new = {key: moving_average(state[key], means[key], beta2) for key in state}
        relative_step = (hypers["multiplier"] * hypers["lr"]).minimum(step**-0.5)
        updates = {}
        for n, g in grads.items():
            eps = torch.finfo(g.dtype).eps if eps1 is None else eps1
            if n in new["row"]:
                row = new["row"][n]
                v = row @ new["column"][n] / row.mean(dim=-2, keepdim=True).clamp(min=eps)
            else:
                v = new["full"][n]
            direction = g * v.clamp(min=eps * eps).rsqrt()
            clipped = direction / (_root_mean_square(direction) / hypers["d"]).clamp(min=1.0)
            scale = _root_mean_square(params[n]).maximum(hypers["eps2"])
            updates[n] = -(relative_step * scale * clipped)
        return updates, new

    return GradientTransformation(init, update)


def _root_mean_square(tensor: Tensor) -> Tensor:
    """Return √(mean of squares), 0-dimensional; 0 for an empty tensor."""
    return (tensor.square().sum() / max(1, tensor.numel())).sqrt()


class Adafactor(Rule):
    """Adafactor (Shazeer & Stern 2018, arXiv 1804.04235; torch.optim.Adafactor).

    Its step is in proportion to the size of the weights, and its learning rate is at most 1/√t.

    Attributes:
        beta2_decay: Exponent of β_t = 1 − t^beta2_decay.
        d: Clipping threshold: the largest root mean square of the step before lr.
        eps1: ε1, the smallest √V; null is the machine epsilon.
        eps2: ε2, the smallest scale of a parameter.
    """

    rule: Literal["adafactor"]
    beta2_decay: float = Field(default=-0.8, le=0)
    d: float = Field(default=1.0, ge=1)
    eps1: float | None = Field(default=None, ge=0)
    eps2: float = Field(default=1e-3, ge=0)

    elementwise: ClassVar[bool] = False
    defaults_from: ClassVar[str] = "torch.optim.Adafactor"
    number_fields: ClassVar[frozenset[str]] = frozenset({"beta2_decay", "d", "eps2"})

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        return (adafactor_step(self.eps1),)

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        return {"beta2_decay": self.beta2_decay, "d": self.d, "eps2": self.eps2}
