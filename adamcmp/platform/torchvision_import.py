"""Import torchvision, even if its compiled operators do not load.

torchvision's PyPI wheel is built for a torch with CUDA. With a CPU build of torch its operators
cannot load, and its import fails with "operator torchvision::nms does not exist", although datasets
and classification models do not use them. Declaring the schemas of the two operators for which the
import registers fake implementations lets it succeed. Calling them still fails with torchvision's
own error.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

_declared: list[Any] = []  # keeps the Library alive: its schemas are removed with it


def torchvision(submodule: str) -> ModuleType:
    """Import ``torchvision.<submodule>`` and return it.

    Raises:
        RuntimeError: If the import fails for another reason than the missing operators.
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
