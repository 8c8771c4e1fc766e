"""Faster functions of inductor, compared with those that they replace."""

import contextlib

import pytest
import sympy
import torch
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.training.engines import inductor_internals, inductor_libraries
from adamcmp.training.engines.inductor_shortcuts import shortcuts
from adamcmp.training.engines.torch_internals import limited_fusion
from adamcmp.training.engines.tracing import trace
from tests.conftest import needs_compiler

#: They import inductor, which takes two seconds.
pytestmark = pytest.mark.slow

ELEMENTS = st.lists(st.integers(0, 9), max_size=6)


@given(ELEMENTS, ELEMENTS)
def test_sets_have_the_same_elements_in_the_same_order(one, other):
    from torch.utils._ordered_set import OrderedSet

    def results():
        sets = OrderedSet(one), OrderedSet(other)
        return list(sets[0] & sets[1]), list(sets[0] | sets[1]), list(sets[0] & set(other))

    expected = results()
    with shortcuts():
        assert results() == expected


@pytest.mark.parametrize("text", ["3*x + 7*y*s", "x", "y + 2", "(x + y)*4", "s*(x + 3)", "5"])
def test_strides_of_polynomials(text):
    from torch._inductor import sizevars

    x, y, s = sympy.symbols("x y s", integer=True)
    index = sympy.sympify(text, {"x": x, "y": y, "s": s})
    expected = sizevars.stride_at(index, x), sizevars.simplify_index_in_vec_range(index, x, 16)
    with shortcuts():
        stride = sizevars.stride_at(index, x)
        simplified = sizevars.simplify_index_in_vec_range(index, x, 16)
    assert sympy.expand(stride - expected[0]) == sympy.expand(simplified - expected[1]) == 0


@needs_compiler
def test_the_generated_code_is_the_same(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    generated = []
    compile_library = inductor_libraries._compile_library

    def capture(model, kernels, folder):
        generated.append((model, kernels))
        return compile_library(model, kernels, folder)

    monkeypatch.setattr(inductor_libraries, "_compile_library", capture)

    def step(state, x):
        y = torch.softmax(torch.bmm(x, state), 2)
        state.mul_(1 - y.mean((1, 2))[:, None, None]).sub_(x.mean(1)[:, :, None])
        return y.transpose(1, 2).contiguous().sum((1, 2)) + x.amax((1, 2))

    def write():
        arguments = [torch.rand(2, 20, 37), torch.rand(2, 33, 20)]
        graph = trace(lambda *tensors: (step(*tensors),), arguments, [{0: "M"}] * 2)
        with limited_fusion(64):
            inductor_internals.write_library(graph, tmp_path / "step.so")

    write()
    monkeypatch.setattr(inductor_internals, "shortcuts", contextlib.nullcontext)
    write()
    assert generated[0] == generated[1]
