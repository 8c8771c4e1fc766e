"""Follow optimizers on a function of two variables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.components.schedules import Horizon
from adamcmp.config import Composer
from adamcmp.experiments.landscapes import Landscape, Point
from adamcmp.experiments.long_run_gain import long_run_gain
from adamcmp.experiments.optimizer_choice import OptimizerChoice, run_spec
from adamcmp.planning.specs import RunSpec
from adamcmp.platform.random_streams import stream_seed
from adamcmp.training.run_record import RunRecord
from adamcmp.training.step.chunks import scheduled_hypers
from adamcmp.training.step.drivers import create_driver
from adamcmp.training.step.packing import Packing

Floats = np.ndarray[Any, np.dtype[np.float64]]
LR = "optimizer.lr"
#: lr·curvature of SGD, which diverges from 2.
STABLE = 0.5


@dataclass(frozen=True)
class Descent:
    """The descent of an optimizer on a function.

    Attributes:
        optimizer: The optimizer.
        lr: Its learning rate.
        wd: Its weight decay.
        points: The start, and the point after each step, at which the function is evaluated
            (steps + 1, 2). Not finite once it has diverged.
        values: The function at these points, without noise (steps + 1,).
    """

    optimizer: OptimizerChoice
    lr: float
    wd: float
    points: Floats
    values: Floats


def compose_descent(
    composer: Composer,
    optimizer: OptimizerChoice,
    landscape: Landscape,
    overrides: Mapping[str, str],
) -> RunSpec:
    """Return the settings of an optimizer on a function.

    If none is given, the learning rate suits the function: `STABLE`/curvature for SGD, less by the
    root of its gain for another rule whose steps are proportional to the gradient in the long run,
    such as momentum, and otherwise the length of a step.

    Raises:
        ConfigError: If a setting is invalid.
    """
    defaults = {"dataset": "teacher", "schedule": "constant", "steps": str(landscape.steps)}
    settings = {**defaults, **overrides, **optimizer.settings}
    spec = run_spec(composer, optimizer.name, settings)
    rule = spec.config.optimizer
    if LR in settings or not isinstance(rule, Rule):
        return spec
    gain, lr = long_run_gain(rule), landscape.step_length
    if gain is not None:
        lr = STABLE / landscape.curvature / math.sqrt(gain)
    return run_spec(composer, optimizer.name, settings, {LR: f"{lr:.2g}"})


def descend(
    spec: RunSpec, optimizer: OptimizerChoice, landscape: Landscape, start: Point
) -> Descent:
    """Follow an optimizer on a function.

    Args:
        spec: Its settings; see `compose_descent`. The seed determines the noise.
        optimizer: The optimizer.
        landscape: The function.
        start: Where it starts.

    Raises:
        ConfigError: If a torch.optim class does not take its arguments.
    """
    protocol, component = spec.config.protocol, spec.config.optimizer
    steps = protocol.steps or protocol.epochs
    # The point is a matrix of one row, for rules that take hidden matrices.
    point = torch.tensor(start, dtype=torch.float64).view(1, 1, 2)
    state: dict[str, Any] = {"params": {"point": point}}
    groups = component.parameter_groups({"point": "matrices"})
    driver = create_driver(component, groups, clip=protocol.grad_clip is not None, fused=False)
    packing = Packing(state["params"], [group.names for group in groups], concatenate=False)
    state["optimizer"] = driver.init(state["params"], packing)
    record = RunRecord(spec, Horizon(steps, 1.0), protocol.batch_size)
    names, values = scheduled_hypers([record], 0, steps)
    points = [point.flatten().clone()]
    for index in range(steps):
        hypers = dict(zip(names, torch.as_tensor(values[:, index]), strict=True))
        step = hypers.pop("step")
        gradients = _Gradients(landscape, protocol.seed, index)
        with torch.no_grad():
            driver.step(state, gradients, hypers, step)
            points.append(driver.evaluation_params(state)["point"].flatten().clone())
    path = torch.stack(points)
    heights = landscape.value(path[:, 0], path[:, 1])
    hyper = record.hypers
    return Descent(optimizer, hyper["lr"], hyper["weight_decay"], path.numpy(), heights.numpy())


class _Gradients:
    """The gradient function of one step; see `adamcmp.training.step.drivers.GradientFunction`.

    Args:
        landscape: The function.
        seed: The seed of the noise.
        step: The step's number.
    """

    def __init__(self, landscape: Landscape, seed: int, step: int) -> None:
        generator = torch.Generator().manual_seed(stream_seed(seed, "noise", step))
        normal = torch.randn(1, 1, 2, generator=generator, dtype=torch.float64)
        self._landscape, self._noise = landscape, landscape.noise * normal

    def __call__(
        self, params: dict[str, Tensor], *, create_graph: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the value (1,) and its gradient at a point."""
        point = params["point"]
        with torch.enable_grad():
            point = point if create_graph else point.detach().requires_grad_()
            value = self._landscape.value(*point.flatten()).view(1)
            (grad,) = torch.autograd.grad(value.sum(), point, create_graph=create_graph)
        return value if create_graph else value.detach(), {"point": grad + self._noise}
