"""A training step executes no more operations than it needs.

Unlike times, counts do not depend on the load of the machine. They are those of AdamW with the
default settings of a model on MNIST-1D. If a change raises a count for a good reason, raise its
bound; if it lowers one, lower the bound.
"""

import re
from typing import NamedTuple

import pytest
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from adamcmp.planning.grouping import LaneGroup
from adamcmp.training.engines import compiled
from adamcmp.training.engines.torch_internals import tree_flatten
from adamcmp.training.loop import GroupTraining
from tests.conftest import CPU, needs_compiler
from tests.support.training import FusedGroup


class Counts(NamedTuple):
    """Counts of a training step.

    Attributes:
        eager: ATen operations of a single lane in the eager engine, including views.
        traced: Operations of fused lanes in the traced engine, including views.
        eager_tensors: Results of the eager operations that are in new memory.
        traced_tensors: Results of the traced operations that are in new memory.
        loops: Loops of the compiled step over whole tensors.
        products: Batched matrix products of the compiled step.
        buffers: Tensors that the compiled step allocates.
    """

    eager: int
    traced: int
    eager_tensors: int
    traced_tensors: int
    loops: int
    products: int
    buffers: int


#: Upper bounds, about a tenth above the present counts.
BOUNDS = {
    "logistic": Counts(
        eager=170, traced=108, eager_tensors=95, traced_tensors=48,
        loops=20, products=2, buffers=38,
    ),
    "mlp": Counts(
        eager=225, traced=136, eager_tensors=108, traced_tensors=60,
        loops=36, products=8, buffers=43,
    ),
    "vit": Counts(
        eager=1000, traced=720, eager_tensors=360, traced_tensors=320,
        loops=390, products=72, buffers=530,
    ),
}  # fmt: skip


def check(model, **counts):
    """Compare counts with their upper bounds."""
    bounds = BOUNDS[model]._asdict()
    excess = {name: (n, bounds[name]) for name, n in counts.items() if n > bounds[name]}
    assert not excess, f"{model}: counts above their bounds (count, bound): {excess}"


def training(specs, model, engine, lanes):
    """Return the training of a group before its first step; several lanes are fused."""
    numerics = CPU.model_copy(update={"engine": engine})
    overrides = [f"model={model}", "optimizer=adamw", f"seed=range({lanes})", "steps=20"]
    runs = tuple(specs(overrides, numerics))
    return GroupTraining((FusedGroup if lanes > 1 else LaneGroup)(runs))


class Operations(TorchDispatchMode):
    """Counts the operations that are called within this context, and their results in new memory."""

    def __init__(self):
        super().__init__()
        self.count = self.tensors = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.count += 1
        self.tensors += len(memory(result) - memory([args, kwargs]))
        return result


def memory(tree):
    """Return the addresses of the memory of all tensors."""
    tensors = [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}


def operations_of_a_step(group):
    """Count what a step adds: the difference of two steps and one."""
    chunk, counted = group.chunk(0), []
    group.lanes.steps(chunk, 1)  # traces
    for steps in (1, 2):
        with Operations() as operations:
            group.lanes.steps(chunk, steps)
        counted.append(operations)
    once, twice = counted
    return twice.count - once.count, twice.tensors - once.tensors


@pytest.mark.parametrize("model", BOUNDS)
def test_an_eager_step(specs, model):
    operations, tensors = operations_of_a_step(training(specs, model, "eager", lanes=1))
    check(model, eager=operations, eager_tensors=tensors)


@pytest.mark.parametrize(
    "model", [pytest.param(m, marks=[pytest.mark.slow] * (m != "mlp")) for m in BOUNDS]
)
def test_a_traced_step(specs, model):
    operations, tensors = operations_of_a_step(training(specs, model, "traced", lanes=2))
    check(model, traced=operations, traced_tensors=tensors)


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("model", BOUNDS)
def test_a_compiled_step(specs, model, monkeypatch, tmp_path):
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    group = training(specs, model, "compiled", lanes=2)
    group.lanes.steps(group.chunk(0), 1)
    code = "\n".join(file.read_text() for file in tmp_path.rglob("*.cpp"))
    counts = {
        "loops": len(re.findall(r"^ {8}for *\(", code, re.MULTILINE)),
        "products": code.count("adamcmp::product<"),
        "buffers": code.count("aoti_torch_empty_strided("),
    }
    assert all(counts.values()), f"the generated code has another form: {counts}"
    check(model, **counts)
