"""Adapter to the private APIs of torch's inductor that add generated kernels to compiled code.

``tests/training/engines/test_products.py`` compiles with them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import torch


@dataclass(frozen=True)
class Matrix:
    """How a matrix of each lane, or a vector, is stored.

    Attributes:
        dtype: The C++ type of the elements.
        shape: Numbers of rows and columns; of a vector, the number of elements.
        strides: The distances of consecutive rows and columns, in elements.
    """

    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def add_product_kernel(operation: Any, generate: Callable[..., tuple[str, str]]) -> None:
    """Have inductor generate the C++ code of a batched product with fixed sizes.

    Adds to inductor's ``lowerings``; wraps ``CppTemplate`` and ``CppTemplateBuffer``.

    Args:
        operation: An operation with the factors ``a`` (M, R, K) and ``b`` (M, K, C) and further
            arguments: tensors whose first dimension is M, or values. It returns (M, R, C).
        generate: Takes each argument of the operation by name, tensors as `Matrix`. In ``b``,
            columns or rows are contiguous; in further tensors, rows. Returns C++ definitions, and a
            statement that computes one of the M products from pointers with the names of the
            tensors and writes it to ``c``, which is contiguous.
    """
    from torch._inductor import lowering

    def lower(*arguments: Any) -> Any:
        names = [argument.name for argument in operation._schema.arguments]
        return _product(dict(zip(names, arguments, strict=True)), generate)

    lowering.lowerings[operation] = lower


def _product(arguments: dict[str, Any], generate: Callable[..., tuple[str, str]]) -> Any:
    """Return inductor's buffer of a product.

    Args:
        arguments: The arguments of the operation by name.
        generate: See `add_product_kernel`.
    """
    from torch._inductor import ir
    from torch._inductor.codegen.cpp_utils import DTYPE_TO_CPP

    tensors = {n: _stored(n, v) for n, v in arguments.items() if isinstance(v, ir.TensorBox)}
    matrices = {
        name: Matrix(
            DTYPE_TO_CPP[tensor.get_dtype()],
            _of_a_lane(tensor.get_size()),
            _of_a_lane(tensor.get_stride()),
        )
        for name, tensor in tensors.items()
    }
    a, b = tensors["a"], tensors["b"]
    shape = [*a.get_size()[:2], b.get_size()[2]]
    layout = ir.FixedLayout(a.get_device(), a.get_dtype(), shape)
    kernel = _kernel_class()(tensors, layout, generate(**(arguments | matrices)))
    buffer = ir.CppTemplateBuffer(
        layout, list(tensors.values()), kernel.make_kernel_render, cast(Any, kernel), None
    )
    buffer.allow_epilogue_fusion = False
    return ir.TensorBox.create(buffer)


@cache
def _kernel_class() -> Any:
    """Return the class of the generated kernels, which derives from a class of inductor."""
    from torch._inductor.codegen.cpp_template import CppTemplate
    from torch._inductor.codegen.cpp_template_kernel import CppTemplateKernel
    from torch._inductor.utils import Placeholder

    new_kernel: Any = CppTemplateKernel

    class Kernel(CppTemplate):
        def __init__(self, tensors: dict[str, Any], layout: Any, code: tuple[str, str]) -> None:
            super().__init__("product", list(tensors.values()), layout, num_threads=1)
            self._tensors, self._code = tensors, code

        def make_kernel_render(self, node: Any, **_unused: Any) -> Any:
            kernel = new_kernel(str(Placeholder.KERNEL_NAME), num_threads=1)
            return kernel, lambda: kernel.render(self, result=node)

        def render(self, **options: Any) -> str:
            kernel, result = options["kernel"], options["result"]
            definitions, statement = self._code
            inputs = {f"in_{name}": tensor for name, tensor in self._tensors.items()}
            signature = kernel.def_kernel(inputs, {"out": result})
            pointers = "".join(
                f"    const auto {name} = &{kernel.index(tensor, _first_element(tensor))};\n"
                for name, tensor in [*self._tensors.items(), ("c", result)]
            )
            threads = torch.get_num_threads()
            split = f"#pragma omp parallel for num_threads({threads})\n" if threads > 1 else ""
            return f"""{self.header().getvalue()}{definitions}
extern "C" {signature} {{
{split}  for (int64_t lane = 0; lane < {kernel.size(result, 0)}; lane++) {{
{pointers}    {statement}
  }}
}}"""

    return Kernel


def _stored(name: str, tensor: Any) -> Any:
    """Return an argument of a product as stored, or a copy that the code can read."""
    from torch._inductor import ir

    stored = ir.ExternKernel.realize_input(tensor)
    strides = list(stored.get_stride()[1:])
    fixed = all(isinstance(stride, int) or stride.is_number for stride in strides)
    readable = name == "a" or strides[-1] == 1 or (name == "b" and strides[0] == 1)
    return stored if fixed and readable else ir.ExternKernel.require_contiguous(stored)


def _of_a_lane(sizes: Sequence[Any]) -> tuple[int, ...]:
    """Return sizes or strides without those of the first dimension, the lanes."""
    return tuple(int(size) for size in sizes[1:])


def _first_element(tensor: Any) -> list[Any]:
    """Return the index of the first element of a lane, in generated code."""
    return ["lane"] + [0] * (len(tensor.get_size()) - 1)
