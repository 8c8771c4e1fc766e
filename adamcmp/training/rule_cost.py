"""Measure what a step of an update rule costs by itself, without gradients."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from adamcmp.components.optimizers import Rule
from adamcmp.planning.rule_costs import RuleCost
from adamcmp.training.step.batching import Tree
from adamcmp.training.step.drivers.chain import ChainDriver
from adamcmp.training.step.packing import Packing

#: The shapes of the parameters of an MLP 40-100-100-10, with their roles.
_MLP = {
    "0.weight": ((100, 40), "matrices"),
    "0.bias": ((100,), "biases_norms"),
    "1.weight": ((100, 100), "matrices"),
    "1.bias": ((100,), "biases_norms"),
    "2.weight": ((10, 100), "head"),
    "2.bias": ((10,), "biases_norms"),
}
_MATRIX = {"weight": ((1024, 1024), "matrices")}
#: Steps that are timed at once: some rules do part of their work in each tenth step.
_STEPS = 10
#: Times that are measured, of which the shortest counts, unless they take longer than this.
_REPEATS, _SECONDS = 20, 0.1

_Shapes = Mapping[str, tuple[tuple[int, ...], str]]


def measure_cost(rule: Rule) -> RuleCost:
    """Return the processor time of a rule's step and the size of its state.

    The chain of the rule is driven as in eager training of one run, in one thread, with random
    gradients that cost nothing.

    Args:
        rule: The rule with its settings.
    """
    with _one_thread(), torch.no_grad():
        (mlp_us, mlp_state), (matrix_us, matrix_state) = (
            _measure(rule, shapes) for shapes in (_MLP, _MATRIX)
        )
    return RuleCost(mlp_us, matrix_us, mlp_state, matrix_state)


def _measure(rule: Rule, shapes: _Shapes) -> tuple[float, float]:
    """Return the microseconds per step, and the numbers in the state per parameter."""
    generator = torch.Generator().manual_seed(0)
    params, gradients = (
        {name: torch.randn(1, *shape, generator=generator) for name, (shape, _) in shapes.items()}
        for _ in range(2)
    )
    groups = rule.parameter_groups({name: role for name, (_, role) in shapes.items()})
    driver = ChainDriver(rule, groups, clip=False, fused=False)
    packing = Packing(params, [group.names for group in groups], driver.concatenates)
    packed, grads = packing.pack(params), packing.pack(gradients)
    state = {"params": packed, "optimizer": driver.init(packed, packing)}
    hypers = {**rule.hypers(1000), "multiplier": 1.0}
    hypers_M = {name: torch.tensor([value], dtype=torch.float64) for name, value in hypers.items()}
    counts = (torch.tensor([float(number)]).double() for number in itertools.count(1))

    def same_gradients(params: Tree, *, create_graph: bool = False) -> tuple[Tensor, Tree]:
        return torch.zeros(1), grads

    def step() -> None:
        driver.step(state, same_gradients, hypers_M, next(counts))

    size = sum(param.numel() for param in packed.values())
    return _microseconds(step), sum(t.numel() for t in _tensors(state["optimizer"])) / size


def _microseconds(step: Callable[[], None]) -> float:
    """Return the time of a step: the mean over some steps, of which the fastest repeat counts."""
    step()  # the first step may allocate
    times: list[float] = []
    while len(times) < _REPEATS and sum(times) < _SECONDS:
        # Other processes that compute do not count.
        start = time.process_time()
        for _ in range(_STEPS):
            step()
        times.append(time.process_time() - start)
    return 1e6 * min(times) / _STEPS


def _tensors(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for branch in tree.values():
            yield from _tensors(branch)
    else:
        for branch in tree:
            yield from _tensors(branch)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
