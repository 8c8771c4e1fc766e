"""Products whose code is generated for their sizes, compared with torch's in double precision."""

import pytest
import torch

from adamcmp.training.engines import compiled, products
from adamcmp.training.engines.code_cache import SharedLibrary
from adamcmp.training.engines.graph_passes import fuse_products
from adamcmp.training.engines.tracing import trace
from tests.conftest import needs_compiler

LANES = 3
#: Rows, contracted dimension and columns; whether the factors are transposed in memory.
SHAPES = [
    (31, 5, 10, False, True),
    (7, 13, 100, True, False),
    (100, 33, 1, False, False),
    (1, 2, 13, False, True),
    (12, 40, 67, True, True),
]


def layer(x, weight, bias):
    """A layer with ReLU, and the gradient of its input's sum through another ReLU."""
    z = torch.bmm(x, weight.transpose(1, 2)) + bias.view(bias.shape[0], 1, bias.shape[1])
    gradient = torch.bmm(x.new_ones(z.shape), weight)
    return z.relu(), torch.ops.aten.threshold_backward(gradient, x, 0)


def factors(rows, inner, columns, a_transposed, b_transposed, dtype=torch.float32):
    """Return two factors of all lanes as they are stored."""
    random = torch.Generator().manual_seed(rows)
    for first, second, transposed in ((rows, inner, a_transposed), (inner, columns, b_transposed)):
        shape = (second, first) if transposed else (first, second)
        yield torch.randn(LANES, *shape, generator=random, dtype=dtype)


def all_products(*stored):
    """Return the products of all `SHAPES`."""
    pairs = zip(SHAPES, stored[::2], stored[1::2], strict=True)
    return tuple(
        torch.bmm(*(f.mT if transposed else f for f, transposed in zip(pair, layout, strict=True)))
        for (_, _, _, *layout), *pair in pairs
    )


def compile_for_lanes(function, arguments, folder, monkeypatch):
    monkeypatch.setattr(compiled, "cache_folder", lambda: folder)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(folder / "inductor"))
    axes = [{0: "M"}] * len(arguments)
    return compiled.compiled(function, arguments, axes, "test", SharedLibrary())


def test_products_and_what_follows_them_become_one_operation():
    arguments = [*factors(6, 4, 5, False, True), torch.randn(LANES, 5)]
    graph = trace(layer, arguments, [{0: "M"}] * 3)
    fuse_products(graph)
    called = [node for node in graph.graph.nodes if node.op == "call_function"]
    fused = [node.args[2:] for node in called if node.target is products.PRODUCT]
    assert [(bias is None, mask is None, relu) for bias, mask, relu in fused] == [
        (False, True, True),
        (True, False, False),
    ]
    names = {str(node.target) for node in called}
    assert not names & {"aten.bmm.default", "aten.relu.default", "aten.threshold_backward.default"}
    for actual, expected in zip(graph(*arguments), layer(*arguments), strict=True):
        assert torch.equal(actual, expected)


@pytest.mark.parametrize("shape", [(4, 1, 3), (4, products.MAX_INNER + 1, 3)])
def test_a_library_computes_products_whose_contracted_dimension_is_1_or_large(shape):
    rows, inner, columns = shape
    a, b = torch.empty(2, rows, inner), torch.empty(2, inner, columns)
    assert not products.is_supported(a, b)
    assert products.is_supported(torch.empty(2, 4, 2), torch.empty(2, 2, 3))
    assert not products.is_supported(torch.empty(2, 4, 2).half(), torch.empty(2, 2, 3).half())


@pytest.mark.slow
@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_generated_products_of_all_layouts_have_the_same_bits_in_every_lane(
    dtype, tmp_path, monkeypatch
):
    arguments = [t for shape in SHAPES for t in factors(*shape, dtype)]
    run = compile_for_lanes(all_products, arguments, tmp_path, monkeypatch)
    together = run(arguments)
    expected = all_products(*(tensor.double() for tensor in arguments))
    for actual, exact in zip(together, expected, strict=True):
        torch.testing.assert_close(actual, exact.to(dtype))
    (*alone,) = run([tensor[1:2].clone() for tensor in arguments])
    for one, several in zip(alone, together, strict=True):
        assert torch.equal(one[0], several[1])


@pytest.mark.slow
@needs_compiler
def test_a_generated_layer_keeps_what_is_not_a_number(tmp_path, monkeypatch):
    arguments = [*factors(6, 4, 21, False, True), torch.randn(LANES, 21)]
    arguments[2][1, 2] = torch.nan
    run = compile_for_lanes(layer, arguments, tmp_path, monkeypatch)
    for actual, expected in zip(run(arguments), layer(*arguments), strict=True):
        torch.testing.assert_close(actual, expected, equal_nan=True)
