"""Adapter to inductor's private API that compiles its generated code to a small shared library.

``tests/training/engines/test_torch_internals.py`` compiles libraries with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

from adamcmp.training.engines.generated_code import share_equal_loops


def _header(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


#: What the classes of the runtime and of the generated code use.
_STANDARD_HEADERS = """
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>
"""

#: The headers of torch that `tensor_handles.h` replaces.
_TORCH_HEADERS = """
#include <c10/util/generic_math.h>
#include <torch/csrc/inductor/aoti_runtime/scalar_to_tensor.h>
#include <torch/csrc/inductor/aoti_runtime/utils.h>
#include <torch/csrc/inductor/aoti_torch/generated/c_shim_cpu.h>
"""

#: No warnings, which take time to print.
_NO_WARNINGS = "-w"

#: g++ does not collect garbage: it needs 0.3 GB for the kernels of a transformer.
_NO_COLLECTIONS = "--param ggc-min-heapsize=1000000"


@contextlib.contextmanager
def small_libraries(folder: Path) -> Iterator[None]:
    """Compile generated code with the runtime of this package where it suffices.

    Replaces ``AotCodeCompiler.compile`` and the generation of checks that are off by default.

    Args:
        folder: Where the libraries are written.
    """
    from torch._inductor.codecache import AotCodeCompiler
    from torch._inductor.codegen.cpp_wrapper_cpu import CppWrapperCpu

    compile_with_torchs_runtime = AotCodeCompiler.compile

    def compile_(graph: Any, model: str, kernels: str, external: str | None, **more: Any) -> Any:
        # The small runtime has neither constants nor operations without a C interface.
        if graph.constants or external or more["additional_files"]:
            return compile_with_torchs_runtime(graph, model, kernels, external, **more)
        return str(_compile_library(model, kernels, folder))

    def no_checks(wrapper: Any) -> None:
        wrapper.prefix.splice_aot(
            "static void __check_inputs_outputs(AtenTensorHandle*, AtenTensorHandle*) {}"
        )

    with (
        mock.patch.object(AotCodeCompiler, "compile", compile_),
        mock.patch.object(CppWrapperCpu, "generate_input_output_runtime_checks", no_checks),
    ):
        yield


def _compile_library(model: str, kernels: str, folder: Path) -> Path:
    """Compile the two parts of generated code in parallel; return the library."""

    def model_object() -> str:
        return _compiled(folder, "model", *_with_small_runtime(model), min_optimize=True)

    def kernels_object() -> str:
        return _compiled(folder, "kernels", share_equal_loops(kernels), kernels)

    with ThreadPoolExecutor() as pool:
        parts = [pool.submit(part) for part in (model_object, kernels_object)]
        library = _builder(folder, "library", [part.result() for part in parts])
    library.build()
    return Path(library.get_target_file_path())


def _with_small_runtime(model: str) -> tuple[str, str]:
    """Return generated code with the runtime of this package, and with more headers of torch.

    The code begins with inductor's runtime, ``interface.cpp``, which is replaced. Its only message
    is never printed, and compiling <iostream> would take long.
    """
    from torch._inductor import codegen

    interface = Path(codegen.__path__[0], "aoti_runtime", "interface.cpp").read_text()
    _, replaced, code = model.partition(interface)
    assert replaced, "inductor's code does not contain its runtime"
    code = _header("library_runtime.h") + code.replace("std::cerr", "messages")
    small, large = _header("tensor_handles.h"), _TORCH_HEADERS
    return _STANDARD_HEADERS + small + code, _STANDARD_HEADERS + large + code


def _compiled(folder: Path, name: str, *sources: str, **options: Any) -> str:
    """Compile the first source that the compiler accepts; return the object file."""
    from torch._inductor.codecache import write
    from torch._inductor.cpp_builder import is_gcc
    from torch._inductor.exc import CppCompileError

    for source in sources[:-1]:
        with contextlib.suppress(CppCompileError):
            return _compiled(folder, name, source, **options)
    _, file = write(sources[-1], "cpp")
    flags = [_NO_WARNINGS, _NO_COLLECTIONS] if is_gcc() else [_NO_WARNINGS]
    built = _builder(folder, name, [file], compile_only=True, extra_flags=flags, **options)
    built.build()
    return str(built.get_target_file_path())


def _builder(folder: Path, name: str, sources: list[str], **options: Any) -> Any:
    """Wrap ``CppBuilder``."""
    from torch._inductor.cpp_builder import CppBuilder, CppTorchDeviceOptions
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    build = CppTorchDeviceOptions(pick_vec_isa(), device_type="cpu", aot_mode=True, **options)
    return CppBuilder(name, sources, build, output_dir=str(folder))
