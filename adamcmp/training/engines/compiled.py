"""The compiled engine: code that inductor generates and compiles for a step of fused lanes.

The step is traced to one flat graph of tensors with a symbolic number of lanes, so one compilation
serves all widths. The compiled code is stored in the cache. The last bits of its results differ
from those of the other engines, so all runs of a study use the same engine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.fx import GraphModule

from adamcmp.errors import EngineError
from adamcmp.platform.cache import cache_folder
from adamcmp.platform.provenance import COMPILE_REQUIREMENTS, compiler_available
from adamcmp.training.engines.code_cache import (
    CodeFormat,
    InductorArtifact,
    SharedLibrary,
    cached_file,
    code_key,
)
from adamcmp.training.engines.graph_passes import (
    divide_lanes_once,
    fuse_products,
    materialize_lane_values,
    widen_products,
)
from adamcmp.training.engines.inductor_kernels import add_product_kernel
from adamcmp.training.engines.products import PRODUCT, product_code
from adamcmp.training.engines.redundancy import merge_equal
from adamcmp.training.engines.torch_internals import (
    Executable,
    compiler_error_type,
    limited_fusion,
)
from adamcmp.training.engines.tracing import USE_EAGER, Axes, no_garbage_collection, trace

#: Limits on the operations that inductor fuses into one loop, tried in turn: its default, and a
#: smaller one, with which outer loops are not fused. Inductor's default fails for attention.
_FUSION_LIMITS = (64, 8)


def compiled(
    function: Callable[..., Any],
    arguments: list[Tensor],
    axes: list[Axes],
    identity: Any,
    code_format: CodeFormat | None = None,
) -> Executable:
    """Return the function as compiled code, from the cache if it exists.

    Args:
        function: Takes tensors in the order of `arguments` and returns a tuple of tensors; it may
            change arguments in place.
        arguments: Examples of the arguments.
        axes: The symbolic dimensions of each argument.
        identity: JSON values that determine the function, together with shapes and versions.
        code_format: The file format; None selects it by the device of the arguments.

    Raises:
        EngineError: If no compiler is installed, or the code cannot be compiled.
    """
    on_gpu = arguments[0].device.type == "cuda"
    code_format = code_format or (InductorArtifact() if on_gpu else SharedLibrary())
    # In the cache folder, which persists. Inductor's default is in the temporary folder and needs a
    # user name, which containers may lack.
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder() / "inductor"))
    key = code_key(arguments, axes, identity, "compiled")

    def write(file: Path) -> None:
        with no_garbage_collection():
            _compile(trace(function, arguments, axes), code_format, file)

    folder = cache_folder() / "compiled"
    return code_format.load(cached_file(folder, key, code_format.suffix, write))


def _compile(graph: GraphModule, code_format: CodeFormat, file: Path) -> None:
    if not compiler_available(code_format.device):
        raise EngineError(
            f"engine=compiled needs {COMPILE_REQUIREMENTS[code_format.device]}. {USE_EAGER}"
        )
    if code_format.device == "cpu":
        divide_lanes_once(graph)
        merge_equal(graph)
        fuse_products(graph)
        widen_products(graph)  # the remaining products, which a library computes
        add_product_kernel(PRODUCT, product_code)
    materialize_lane_values(graph)
    for limit in _FUSION_LIMITS:
        try:
            with limited_fusion(limit):
                code_format.write(graph, file)
            break
        except Exception as error:
            cause = getattr(error, "inner_exception", error)
            # A transient failure, such as a full disk or a killed compiler, must not change the
            # fusion limit, which affects rounding.
            transient = isinstance(cause, OSError | MemoryError | compiler_error_type())
            if transient or limit == _FUSION_LIMITS[-1]:
                line = (str(error).strip() or type(error).__name__).splitlines()[0]
                raise EngineError(f"The step cannot be compiled: {line}. {USE_EAGER}") from error
