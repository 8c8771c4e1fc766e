"""The private APIs of torch, each called through an adapter."""

import re
from pathlib import Path

import pytest
import torch

import adamcmp
from adamcmp.training.engines import (
    inductor_internals,
    inductor_kernels,
    inductor_libraries,
    inductor_shortcuts,
    operations,
    torch_internals,
)
from adamcmp.training.engines.graph_passes import (
    divide_lanes_once,
    materialize_lane_values,
    widen_products,
)
from adamcmp.training.engines.tracing import trace
from tests.conftest import needs_compiler

#: Versions of torch, as major.minor, with which all tests of this folder have passed. With another
#: one, run them (``pytest tests/training``, on a GPU too) and add it.
VERSIONS_RUN = {"2.13"}

#: Private or experimental modules of torch.
PRIVATE = re.compile(r"torch\._[a-zA-Z]|torch\.utils\._pytree|torch\.fx\.experimental")


def test_this_version_of_torch_was_run():
    version = ".".join(torch.__version__.split(".")[:2])
    assert version in VERSIONS_RUN, f"add torch {version} once the tests of this folder pass"


def test_private_apis_are_used_by_the_adapters_only():
    package = Path(adamcmp.__file__).parent
    files = [file for file in package.rglob("*.py") if PRIVATE.search(file.read_text())]
    modules = (
        *(inductor_internals, inductor_kernels, inductor_libraries, inductor_shortcuts),
        *(operations, torch_internals),
    )
    adapters = [Path(module.__file__) for module in modules]
    assert sorted(files) == sorted(adapters)


def step(state, x):
    """A product that is narrow, numbers of each lane, and a state changed in place."""
    state.mul_(1 - 0.9 ** state.mean((1, 2))[:, None, None])
    return (torch.bmm(x, state),)


def arguments(lanes):
    return [torch.full((lanes, 3, 2), 2.0), torch.ones(lanes, 5, 3)]


def traced():
    return trace(step, arguments(2), [{0: "M"}, {0: "M"}])


def check(executable):
    for lanes in (1, 4, 40):
        expected_state, x = arguments(lanes)
        (expected,) = step(expected_state, x)
        state, x = arguments(lanes)
        (actual,) = executable([state, x])
        torch.testing.assert_close(actual, expected)
        torch.testing.assert_close(state, expected_state)


def test_tracing_with_a_symbolic_number_of_lanes():
    graph = traced()
    check(lambda tensors: graph(*tensors))


def test_passes_leave_the_values_unchanged():
    graph = traced()
    widen_products(graph)
    materialize_lane_values(graph)
    nodes = [node for node in graph.graph.nodes if node.target is torch.ops.aten.bmm.default]
    assert torch_internals.value_of(nodes[0]).shape[2] == 16
    check(lambda tensors: graph(*tensors))


def test_divisions_by_values_of_lanes_become_products():
    def divided(values, lanes):
        return values / lanes.view(lanes.shape[0], 1, 1), values / values.exp()

    tensors = [torch.rand(2, 3, 4), torch.rand(2) + 1]
    graph = trace(divided, tensors, [{0: "M"}, {0: "M"}])
    divide_lanes_once(graph)
    targets = [node.target for node in graph.graph.nodes]
    assert targets.count(torch.ops.aten.div.Tensor) == targets.count(torch.ops.aten.mul.Tensor) == 1
    torch.testing.assert_close(graph(*tensors), divided(*tensors))


def test_sizes_that_an_operation_fixes_are_named():
    def fixed(state):
        assert state.shape[0] == 23
        return (state + 1,)

    _, sizes = torch_internals.trace_symbolic(fixed, [[23, 3]], [{0: "M"}], [torch.zeros(1, 3)])
    assert "23" in sizes


def test_trees():
    tree = {"a": torch.ones(2), "b": (torch.zeros(1), {})}
    leaves, structure = torch_internals.tree_flatten(tree)
    assert [leaf.numel() for leaf in leaves] == [2, 1]
    assert torch_internals.tree_unflatten(leaves, structure)["b"][1] == {}
    assert torch_internals.tree_map(len, tree)["a"] == 2


@pytest.fixture
def library(tmp_path, monkeypatch):
    """Compile a graph to a library and load it."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))

    def written(graph):
        file = tmp_path / "step.so"
        with torch_internals.limited_fusion(8):
            inductor_internals.write_library(graph, file)
        return torch_internals.load_library(file)

    return written


@pytest.mark.slow
@needs_compiler
def test_a_library_is_written_and_loaded(library, monkeypatch):
    from torch._inductor.cpp_builder import CppBuilder

    built, build = [], CppBuilder.build
    monkeypatch.setattr(CppBuilder, "build", lambda builder: built.append(1) or build(builder))
    executable = library(traced())
    assert len(built) == 3  # the function, its kernels, and the library of both
    check(executable)
    with pytest.raises(RuntimeError, match="bmm"):
        executable([torch.ones(2, 3, 2), torch.ones(2, 5, 4)])


@pytest.mark.slow
@needs_compiler
def test_a_library_with_a_constant_has_inductors_runtime(library):
    constant = torch.tensor([1.0, 2.0])
    graph = trace(lambda x: (x * constant,), [torch.ones(2, 2)], [{0: "M"}])
    (result,) = library(graph)([torch.ones(3, 2)])
    assert result.tolist() == [[1.0, 2.0]] * 3


def test_the_compilers_error_is_an_exception():
    assert issubclass(torch_internals.compiler_error_type(), Exception)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="an artifact for the GPU is in test_gpu")
@needs_compiler
def test_an_artifact_is_written_and_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    file = tmp_path / "step.artifact"
    torch_internals.write_artifact(traced(), file)
    check(torch_internals.load_artifact(file))
