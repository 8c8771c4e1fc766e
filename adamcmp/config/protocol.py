"""The training protocol of a run, independent of its components."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from adamcmp.components.registry import Component, canonical_json, canonical_object

PositiveInt = Annotated[int, Field(ge=1)]
NonNegativeInt = Annotated[int, Field(ge=0)]
#: Measures of which the smallest is the best.
Selected = Literal["error", "balanced_error", "loss", "rmse"]


class Eval(Component):
    """The steps and the examples on which metrics are measured.

    Attributes:
        every: Epochs between evaluations.
        every_steps: Steps between evaluations, instead of `every`.
        train_examples: Measure training metrics on this many of the training examples, a subset
            drawn once with the dataset's split_seed or data_seed. None measures on all of them.
        examples: Store what the last evaluation measures of each validation and test example, so
            that intervals cover the sample of test examples. No metric depends on it.
    """

    every: Annotated[float, Field(gt=0)] = 1.0
    every_steps: PositiveInt | None = None
    train_examples: PositiveInt | None = None
    examples: bool = True

    neutral: ClassVar[Mapping[str, Any]] = {"examples": True}
    excluded_from_identity: ClassVar[frozenset[str]] = frozenset({"examples"})


class Protocol(Component):
    """The training protocol of a run: seed, budget, batch size and bounds.

    Attributes:
        seed: Seed of the run's initial weights, data order, dropout and augmentation.
        epochs: Budget in passes over the training split (mnist1d: 60 by default).
        steps: Budget in steps, instead of `epochs`.
        batch_size: Examples per step.
        grad_clip: Maximum global norm of the gradient. None disables clipping.
        divergence: A run has diverged if the loss of a batch exceeds this many times the initial
            training loss, or is not finite.
        select: The measure by which evaluations and settings are selected on validation, and
            optimizers compared on test. None selects ``error`` for classification and ``loss`` for
            regression.
        eval: See `Eval`.
    """

    seed: NonNegativeInt = 0
    epochs: PositiveInt = 30
    steps: PositiveInt | None = None
    batch_size: PositiveInt = 128
    grad_clip: Annotated[float, Field(gt=0)] | None = None
    divergence: Annotated[float, Field(gt=1)] = 1000.0
    select: Selected | None = None
    eval: Eval = Eval()

    neutral: ClassVar[Mapping[str, Any]] = {"select": None}

    def identity(self) -> dict[str, Any]:
        """See `Component.identity`. A setting that another one overrides is left out."""
        values = {**super().identity(), "eval": self.eval.identity()}
        if self.steps is not None:
            del values["epochs"]
        if self.eval.every_steps is not None:
            del values["eval"]["every"]
        return values

    @cached_property
    def canonical_values(self) -> dict[str, str]:
        """Each value of `identity` as canonical JSON; protocols share equal texts."""
        return {key: sys.intern(canonical_json(v)) for key, v in self.identity().items()}

    @cached_property
    def structure(self) -> str:
        """What the lanes of a group share, as canonical JSON: all but the numbers of a run."""
        # Lanes may have different bounds, but they share the step, which either clips or does not.
        values = {**self.canonical_values, "grad_clip": canonical_json(self.grad_clip is not None)}
        return sys.intern(
            canonical_object({k: v for k, v in values.items() if k not in ("seed", "divergence")})
        )
