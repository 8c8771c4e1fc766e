"""How far apart the weights of the L2 form and of the decoupled form of an optimizer are.

If the forms are the same update, their weights differ by rounding only.

Shapes: K steps at which weights are compared, C coefficients, P weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, finfo

from adamcmp.experiments.optimizer_choice import OptimizerChoice

Floats = np.ndarray[Any, np.dtype[np.float64]]
#: Differences of up to so many units of rounding, relative to the weights, are rounding.
ROUNDING_UNITS = 1000


@dataclass(frozen=True)
class Coefficients:
    """The coefficients wd with which both forms are trained.

    Attributes:
        l2: That of the L2 form.
        gain: See `adamcmp.experiments.long_run_gain`. None if no coefficient corresponds to the
            penalty.
        matched: That of the decoupled form: gain·wd, or the same wd without a gain.
        others: Further coefficients of the decoupled form (C,).
    """

    l2: float
    gain: float | None
    matched: float
    others: Floats


@dataclass(frozen=True)
class FormDistances:
    """The distance between the trajectories of the two forms of an optimizer.

    Attributes:
        optimizer: The optimizer.
        lr: Its learning rate.
        coefficients: The coefficients of both forms.
        steps: Steps after which the weights were compared (K,).
        distance: ‖θ_L2 − θ_decoupled‖ / ‖θ_L2‖ with the matched coefficient (K,).
        share: ‖θ_L2 − θ_decoupled‖ / ‖θ_L2 − θ_without decay‖ (K,): 0 for equal forms, 1 if they
            are as far apart as the L2 form and the rule without weight decay.
        last_share: The share after the last step with each of the other coefficients (C,);
            infinite if training diverged.
        is_rounding: Whether the distance is rounding.
        has_effect: Whether weight decay changes the weights by more than rounding.
    """

    optimizer: OptimizerChoice
    lr: float
    coefficients: Coefficients
    steps: list[int]
    distance: Floats
    share: Floats
    last_share: Floats
    is_rounding: bool
    has_effect: bool

    @property
    def closest(self) -> tuple[float, float]:
        """The coefficient with which the decoupled form is closest at the end, and its share."""
        best = int(self.last_share.argmin())
        return float(self.coefficients.others[best]), float(self.last_share[best])


def compared_steps(steps: int) -> list[int]:
    """Return the steps after which weights are compared: 1 to `steps`, nearly equidistant in logs.

    They include the powers of ten.

    >>> compared_steps(20)
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20]
    """
    tens = {10**k for k in range(len(str(steps)))}
    return sorted(tens | {round(float(step)) for step in np.geomspace(1, steps, 40)})


def form_distances(
    optimizer: OptimizerChoice,
    lr: float,
    coefficients: Coefficients,
    steps: list[int],
    l2_KP: Tensor,
    decoupled_CKP: Tensor,
) -> FormDistances:
    """Compare the weights of both forms.

    Args:
        optimizer: The optimizer.
        lr: Its learning rate.
        coefficients: The coefficients of both forms.
        steps: Steps after which the weights were kept (K,).
        l2_KP: The weights of the L2 form.
        decoupled_CKP: Those of the decoupled form: with coefficient 0, with the matched one, and
            with the others.
    """
    distance_CK = (decoupled_CKP - l2_KP).norm(dim=-1).numpy()
    size_K = l2_KP.norm(dim=-1).numpy()
    rounding_K = ROUNDING_UNITS * finfo(l2_KP.dtype).eps * size_K
    effect_K, matched_K = distance_CK[0], distance_CK[1]
    # Decay may have no effect, and training may diverge.
    with np.errstate(divide="ignore", invalid="ignore"):
        distance_K, share_CK = matched_K / size_K, distance_CK / effect_K
    last_share_C = share_CK[2:, -1]
    return FormDistances(
        optimizer,
        lr,
        coefficients,
        steps,
        distance=distance_K,
        share=share_CK[1],
        last_share=np.where(np.isfinite(last_share_C), last_share_C, np.inf),
        is_rounding=bool((matched_K <= rounding_K).all()),
        has_effect=bool(effect_K[-1] > rounding_K[-1]),
    )
