"""torchvision, also where its compiled operators do not load.

torchvision's PyPI wheel is built against a CUDA torch. Beside a CPU torch its operators cannot
load, and importing it fails with "operator torchvision::nms does not exist", though datasets,
transforms and classification models need none of them. Declaring the schemas of the two
operators that its import registers fakes for is all that is missing; calling them still fails
with torchvision's own clear error.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

_declared: list[Any] = []  # the Library must outlive the import: its schemas go when it goes


def torchvision(submodule: str) -> ModuleType:
    """Import ``torchvision.<submodule>`` and return it.

    Raises:
        RuntimeError: When torchvision fails to import for another reason than the missing
            operators.
    """
    name = f"torchvision.{submodule}"
    try:
        return importlib.import_module(name)
    except RuntimeError as error:
        if "torchvision::nms" not in str(error) or _declared:
            raise
    for module in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
        del sys.modules[module]
    _declare_missing_operators()
    return importlib.import_module(name)


def _declare_missing_operators() -> None:
    import torch

    new_library: Any = torch.library.Library
    library = new_library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
