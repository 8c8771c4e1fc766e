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
from adamcmp.training.engines.tracing import trace
from adamcmp.training.loop import GroupTraining
from adamcmp.training.step import executables
from tests.conftest import CPU, needs_compiler
from tests.support.training import FusedGroup


class Counts(NamedTuple):
    """What a step of training consists of.

    Attributes:
        operations: ATen operations of a single lane in the eager engine, views included.
        tensors: Results of these operations in new memory.
        nodes: Calls in the traced graph of fused lanes.
        loops: Loops of the compiled step over whole tensors.
        products: Batched matrix products of the compiled step.
        buffers: Tensors that the compiled step allocates.
    """

    operations: int
    tensors: int
    nodes: int
    loops: int
    products: int
    buffers: int


#: Upper bounds, about a tenth above the present counts.
BOUNDS = {
    "logistic": Counts(operations=170, tensors=95, nodes=170, loops=20, products=2, buffers=38),
    "mlp": Counts(operations=220, tensors=108, nodes=390, loops=36, products=8, buffers=43),
    "vit": Counts(operations=1300, tensors=550, nodes=3600, loops=400, products=80, buffers=530),
}


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
    """Counts the operations within it, and their results in new memory."""

    def __init__(self):
        super().__init__()
        self.count = self.tensors = 0

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        self.count += 1
        self.tensors += len(memory(result) - memory([args, kwargs]))
        return result


def memory(tree):
    """Return the addresses of all tensors."""
    tensors = [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, Tensor)]
    return {tensor.untyped_storage().data_ptr() for tensor in tensors}


@pytest.mark.parametrize("model", BOUNDS)
def test_an_eager_step(specs, model):
    group = training(specs, model, "eager", lanes=1)
    chunk, counted = group.chunk(0), []
    for steps in (1, 2):  # the difference is a step without what is done once per call
        with Operations() as operations:
            group.lanes.steps(chunk, steps)
        counted.append(operations)
    once, twice = counted
    check(model, operations=twice.count - once.count, tensors=twice.tensors - once.tensors)


@pytest.mark.parametrize(
    "model", [pytest.param(m, marks=[pytest.mark.slow] * (m != "mlp")) for m in BOUNDS]
)
def test_a_traced_step(specs, model, monkeypatch):
    graphs = []

    def traced(function, arguments, axes, identity):
        graphs.append(trace(function, arguments, axes))
        return lambda tensors: function(*tensors)

    monkeypatch.setattr(executables, "compiled", traced)
    group = training(specs, model, "compiled", lanes=2)
    group.lanes.steps(group.chunk(0), 1)
    (graph,) = graphs
    check(model, nodes=sum(node.op == "call_function" for node in graph.graph.nodes))


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
