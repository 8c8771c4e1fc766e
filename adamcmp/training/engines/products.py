"""The C++ code of batched matrix products with fixed sizes, one product per lane.

The products of lanes are small. A library divides them into tiles at run time and copies their
factors into a layout of its own, which takes a quarter of the time. Here the compiler knows all
sizes: the sums of a tile of the result stay in registers, and the factors are not copied.

Every element of a result is summed in the order of the contracted dimension, whatever the number,
the position and the alignment of the lanes, so its bits depend on the lane alone.
"""

from pathlib import Path

import torch
from torch import Tensor

from adamcmp.training.engines.inductor_kernels import Matrix

_TEMPLATES = Path(__file__).with_name("products.h").read_text(encoding="utf-8")


#: Largest contracted dimension: a panel of the second factor must stay in the core's cache.
MAX_INNER = 1024


@torch.library.custom_op("adamcmp::product", mutates_args=(), device_types="cpu")
def _product(
    a: Tensor, b: Tensor, bias: Tensor | None, activations: Tensor | None, relu: bool
) -> Tensor:
    result = torch.bmm(a, b)
    if bias is not None:
        result = result + bias.unsqueeze(1)
    if activations is not None:
        result = torch.where(activations <= 0, 0, result)
    return result.relu() if relu else result


_product.register_fake(lambda a, b, *_: a.new_empty(a.shape[0], a.shape[1], b.shape[2]))

#: The product of ``a`` (M, R, K) and ``b`` (M, K, C), and what follows it in the graph: ``bias``
#: (M, C) is added, ``relu`` is applied, or the result is multiplied by the derivative of a ReLU,
#: which is 0 where ``activations`` (M, R, C) are not positive.
PRODUCT = torch.ops.adamcmp.product.default


def is_supported(a: Tensor, b: Tensor) -> bool:
    """Return whether the product of two factors (M, R, K) and (M, K, C) is generated.

    Args:
        a: The first factor, possibly with symbolic sizes.
        b: The second one.
    """
    sizes = (*a.shape[1:], *b.shape[1:])
    fixed = all(isinstance(size, int) for size in sizes)
    return fixed and a.dtype in (torch.float32, torch.float64) and 1 < a.shape[2] <= MAX_INNER


def product_code(
    a: Matrix, b: Matrix, bias: Matrix | None, activations: Matrix | None, relu: bool
) -> tuple[str, str]:
    """Return C++ definitions, and the statement that computes the `PRODUCT` of a lane.

    It reads the pointers ``a``, ``b``, ``bias`` and ``activations`` and writes ``c``.
    """
    finish = "Sums{}"
    if bias is not None:
        finish = f"PlusBias<{a.dtype}, {str(relu).lower()}>{{bias}}"
    elif activations is not None:
        finish = f"WherePositive<{a.dtype}>{{activations, {activations.strides[0]}}}"
    sizes = ", ".join(map(str, (a.shape[0], b.shape[1], a.shape[1], *a.strides, *b.strides)))
    return _TEMPLATES, f"adamcmp::product<{sizes}>(a, b, c, adamcmp::{finish});"
