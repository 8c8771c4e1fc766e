"""SOAP: Adam in the eigenbasis of Shampoo's preconditioner."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from adamcmp.components.optimizers._rule import DecayRate, Rule
from adamcmp.components.transformations import (
    GradientTransformation,
    moving_average,
    scale_by_learning_rate,
    zero_buffers,
)

if TYPE_CHECKING:
    from torch import Tensor

    from adamcmp.components.transformations import Hypers, Tree


def scale_by_soap(
    *, precondition_frequency: int, max_precondition_dim: int, precondition_1d: bool
) -> GradientTransformation:
    """Turn g into SOAP's step.

    >>> import torch
    >>> soap = scale_by_soap(
    ...     precondition_frequency=1, max_precondition_dim=100, precondition_1d=False)
    >>> grads = {"w": torch.tensor([[1.0, 2.0], [2.0, 4.0]])}  # of rank 1
    >>> hypers = {"beta1": 0.95, "beta2": 0.95, "shampoo_beta": 0.95, "eps": 1e-8}
    >>> hypers = {name: torch.tensor(value) for name, value in hypers.items()}
    >>> state = soap.init(grads)
    >>> for step in (1.0, 2.0):
    ...     updates, state = soap.update(grads, state, grads, hypers, torch.tensor(step))
    >>> updates["w"].norm().round(decimals=3)  # in the eigenbasis, a single 1
    tensor(1.)

    For each dimension i of a tensor, L_i ← β·L_i + (1 − β)·G·Gᵀ with the gradient G unfolded along
    i, and Q_i holds L_i's eigenvectors. With ~ for tensors that are multiplied by all Q_iᵀ:
    m ← β1·m + (1 − β1)·g, v ← β2·v + (1 − β2)·g̃², u = c_t·m̃ / (√v + ε) in the eigenbasis, rotated
    back, with the bias correction c_t = √(1 − β2^(t−1)) / (1 − β1^(t−1)) of step t. As in the
    authors' code, ε is added before the correction. The first step only computes the Q_i. Later,
    each `precondition_frequency` steps, Q_i is the orthogonal factor of L_i·Q_i (one step of power
    iteration). Source: Vyas et al. 2024 (arXiv 2409.11321), Algorithms 3 and 4, and the authors'
    code.

    Args:
        precondition_frequency: Steps between two updates of the eigenvectors.
        max_precondition_dim: Dimensions that are larger are not rotated.
        precondition_1d: Whether vectors are rotated, too.
    """
    from adamcmp.components.linear_algebra import eigenvectors, when

    def rotated(p: Tensor) -> list[int]:
        """Return the dimensions of a tensor that are rotated."""
        if p.ndim == 1 and not precondition_1d:
            return []
        return [i for i, size in enumerate(p.shape) if 0 < size <= max_precondition_dim]

    def init(params: Tree) -> dict[str, Any]:
        # The same keys for parameters of up to five dimensions, those of 3D convolutions, since
        # the state of some parameters has the structure of that of all.
        most = max([5, *(p.ndim for p in params.values())])

        def squares() -> dict[str, Tree]:
            return {
                str(i): {
                    n: p.new_zeros(p.shape[i], p.shape[i])
                    for n, p in params.items()
                    if i in rotated(p)
                }
                for i in range(most)
            }

        return {**zero_buffers("m", "v")(params), "products": squares(), "bases": squares()}

    def update(
        grads: Tree, state: dict[str, Any], params: Tree, hypers: Hypers, step: Tensor
    ) -> tuple[Tree, dict[str, Any]]:
        beta1, beta2 = hypers["beta1"], hypers["beta2"]
        is_later = step > 1
        refreshes = is_later & ((step - 1).remainder(precondition_frequency) == 0)
        correction = (1 - beta2 ** (step - 1)).sqrt() / (1 - beta1 ** (step - 1))
        bases = {n: {i: state["bases"][str(i)][n] for i in rotated(g)} for n, g in grads.items()}
        squares = {n: _rotate(g, bases[n]).square() for n, g in grads.items()}
        m = moving_average(state["m"], grads, beta1)
        v = moving_average(state["v"], squares, beta2)
        m, v = ({n: t.where(is_later, 0.0) for n, t in tree.items()} for tree in (m, v))
        updates = {
            n: (correction * _direction(m[n], v[n], bases[n], hypers["eps"])).where(is_later, 0.0)
            for n in grads
        }
        products = {
            i: moving_average(
                old, {n: _product(grads[n], int(i)) for n in old}, hypers["shampoo_beta"]
            )
            for i, old in state["products"].items()
        }
        new_bases: dict[str, Tree] = {i: {} for i in state["bases"]}
        for n in grads:
            for i, basis in bases[n].items():
                product = products[str(i)][n]
                _, basis = when(~is_later, lambda a, b: (a, eigenvectors(a)), product, basis)
                _, basis, v[n] = when(refreshes, partial(_refresh, dim=i), product, basis, v[n])
                new_bases[str(i)][n] = basis
        return updates, {"m": m, "v": v, "products": products, "bases": new_bases}

    return GradientTransformation(init, update)


def _rotate(tensor: Tensor, bases: dict[int, Tensor]) -> Tensor:
    """Multiply each dimension i of a tensor by the transpose of ``bases[i]``."""
    for i, basis in bases.items():
        tensor = (tensor.movedim(i, -1) @ basis).movedim(-1, i)
    return tensor


def _direction(m: Tensor, v: Tensor, bases: dict[int, Tensor], eps: Tensor) -> Tensor:
    """Return m / (√v + ε), which is computed in the eigenbasis."""
    direction = _rotate(m, bases) / (v.sqrt() + eps)
    return _rotate(direction, {i: basis.mT for i, basis in bases.items()})


def _product(tensor: Tensor, dim: int) -> Tensor:
    """Return G·Gᵀ of a tensor that is unfolded along a dimension."""
    unfolded = tensor.movedim(dim, 0).flatten(1) if tensor.ndim > 1 else tensor[:, None]
    return unfolded @ unfolded.mT


def _refresh(product: Tensor, basis: Tensor, v: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the product, its new eigenvectors by descending eigenvalue, and v in their order."""
    import torch

    power = product @ basis
    order = (basis * power).sum(dim=0).argsort(descending=True)
    vectors, _ = torch.linalg.qr(power.index_select(1, order))
    return product, vectors, v.index_select(dim, order)


class SOAP(Rule):
    """SOAP (Vyas et al. 2024, arXiv 2409.11321).

    Attributes:
        betas: Decay rates β1, β2 of the running averages of g and of g² in the eigenbasis.
        shampoo_beta: Decay rate β of the averages of G·Gᵀ; null is β2.
        eps: ε, added to √v before the bias correction.
        precondition_frequency: Steps between two updates of the eigenvectors.
        max_precondition_dim: Dimensions that are larger are not rotated.
        precondition_1d: Rotate vectors, such as biases, too.
    """

    rule: Literal["soap"]
    betas: tuple[DecayRate, DecayRate] = (0.95, 0.95)
    shampoo_beta: DecayRate | None = None
    eps: float = Field(default=1e-8, ge=0)
    precondition_frequency: int = Field(default=10, ge=1)
    max_precondition_dim: int = Field(default=10_000, ge=1)
    precondition_1d: bool = False

    elementwise: ClassVar[bool] = False
    # Eigenvectors are computed only in the steps that need them.
    traceable: ClassVar[bool] = False
    defaults_from: ClassVar[str] = "the authors' package"
    number_fields: ClassVar[frozenset[str]] = frozenset({"betas", "shampoo_beta", "eps"})
    momentum_hyper: ClassVar[str] = "beta1"

    def transformations(self) -> tuple[GradientTransformation, ...]:
        """See `Rule.transformations`."""
        step = scale_by_soap(
            precondition_frequency=self.precondition_frequency,
            max_precondition_dim=self.max_precondition_dim,
            precondition_1d=self.precondition_1d,
        )
        return step, scale_by_learning_rate()

    def numbers(self) -> dict[str, float]:
        """See `Rule.numbers`."""
        beta = self.betas[1] if self.shampoo_beta is None else self.shampoo_beta
        return {
            "beta1": self.betas[0],
            "beta2": self.betas[1],
            "shampoo_beta": beta,
            "eps": self.eps,
        }
