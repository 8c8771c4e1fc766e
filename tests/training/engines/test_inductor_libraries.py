"""Shared libraries of generated code; `test_torch_internals` compiles more of them."""

import re
from pathlib import Path

import pytest
import torch

from adamcmp.training.engines import inductor_libraries
from adamcmp.training.engines.inductor_internals import write_library
from adamcmp.training.engines.torch_internals import limited_fusion, load_library
from adamcmp.training.engines.tracing import trace
from tests.conftest import needs_compiler


def test_the_small_header_declares_functions_of_torchs_interface():
    declared = set(re.findall(r"aoti_\w+(?=\()", inductor_libraries._header("tensor_handles.h")))
    folder = Path(torch.__path__[0], "include", "torch", "csrc", "inductor", "aoti_torch")
    headers = folder / "c" / "shim.h", folder / "generated" / "c_shim_cpu.h"
    torchs = "".join(header.read_text() for header in headers)
    assert "aoti_torch_empty_strided" in declared
    # Macros append the name of a type.
    assert all(name in torchs for name in declared if not name.endswith("_"))


@pytest.mark.slow
@needs_compiler
def test_a_library_may_call_any_operation_of_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    graph = trace(lambda x: (torch.sort(x, dim=1, stable=True)[0],), [torch.ones(2, 3)], [{0: "M"}])
    with limited_fusion(8):
        write_library(graph, tmp_path / "step.so")
    (result,) = load_library(tmp_path / "step.so")([torch.tensor([[2.0, 3.0, 1.0]] * 3)])
    assert result.tolist() == [[1.0, 2.0, 3.0]] * 3
