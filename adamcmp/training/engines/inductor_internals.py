"""Adapter to inductor's private API for compiling shared libraries quickly.

``tests/training/engines/test_torch_internals.py`` compiles a library with each of the functions and
lists the versions of torch that passed.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch.fx import GraphModule

from adamcmp.training.engines.mutations import defer_mutations
from adamcmp.training.engines.torch_internals import no_stack_traces, placeholders

#: Inductor's settings for shared libraries. Precompiled headers take three times as long as they
#: save in the two files that include them. Nobody debugs the generated code.
_LIBRARY_OPTIONS = {
    "aot_inductor.precompile_headers": False,
    "aot_inductor.enable_line_tables": False,
    # Checks of the inputs, which are off unless an environment variable is set.
    "size_asserts": False,
}

#: The header that replaces inductor's own runtime.
_RUNTIME = Path(__file__).with_name("library_runtime.h")


def write_library(graph: GraphModule, file: Path) -> None:
    """Compile a graph to a shared library with ``torch._inductor.aot_compile``.

    Args:
        graph: A traced graph, which is changed.
        file: The library.
    """
    import torch._inductor

    arguments = placeholders(graph)
    has_constants = bool(graph.graph.find_nodes(op="get_attr"))
    is_functional = not has_constants and defer_mutations(graph)
    with (
        _decompose_once() if is_functional else contextlib.nullcontext(),
        _one_table_of_types(),
        tempfile.TemporaryDirectory(prefix="adamcmp-") as folder,
        no_stack_traces(),
        _processors_instruction_sets(),
        _small_runtime(Path(folder)),
    ):
        library = torch._inductor.aot_compile(graph, arguments, options=_LIBRARY_OPTIONS)
        shutil.copyfile(str(library), file)


@contextlib.contextmanager
def _decompose_once() -> Iterator[None]:
    """Decompose a functional graph by tracing it once.

    AOTAutograd, which also removes changes in place, takes three times as long. Replaces
    ``aot_export_module``.
    """
    from torch._dispatch.python import enable_python_dispatcher
    from torch._inductor import compile_fx
    from torch.fx.experimental.proxy_tensor import make_fx

    def export(graph: Any, arguments: Any, **options: Any) -> tuple[GraphModule, None]:
        with enable_python_dispatcher(), torch.no_grad(), arguments[0].fake_mode:
            decomposed = make_fx(graph, options["decompositions"])(*arguments)
        decomposed.graph.eliminate_dead_code()
        return decomposed, None

    with (
        mock.patch.object(compile_fx, "aot_export_module", export),
        mock.patch.object(compile_fx, "_unlift_graph", lambda _, graph, signature: graph),
    ):
        yield


@contextlib.contextmanager
def _one_table_of_types() -> Iterator[None]:
    """Fill inductor's table of result types once instead of for every operation it generates.

    ``DtypePropagationOpsHandler`` is a singleton, but each call of it fills the table again.
    """
    from torch._inductor.dtype_propagation import DtypePropagationOpsHandler

    DtypePropagationOpsHandler()
    with mock.patch.object(DtypePropagationOpsHandler, "__init__", return_value=None):
        yield


@contextlib.contextmanager
def _processors_instruction_sets() -> Iterator[None]:
    """Trust the processor's list of vector instruction sets.

    Inductor compiles and loads a library for each of them first, which takes seconds. Every
    compiler that compiles torch's headers (C++20) supports them. AMX is an exception; only
    inductor's own matrix products use it. Replaces ``VecISA.check_build``.
    """
    from torch._inductor.cpu_vec_isa import VecAMX, VecISA

    def is_supported(instructions: VecISA, _: str) -> bool:
        return not isinstance(instructions, VecAMX)

    with mock.patch.object(VecISA, "check_build", is_supported):
        yield


@contextlib.contextmanager
def _small_runtime(folder: Path) -> Iterator[None]:
    """Compile generated code with the runtime of this package where it suffices.

    Replaces ``AotCodeCompiler.compile`` and the generation of checks that are off by default.
    """
    from torch._inductor.codecache import AotCodeCompiler
    from torch._inductor.codegen.cpp_wrapper_cpu import CppWrapperCpu

    compile_with_torchs_runtime = AotCodeCompiler.compile

    def compile_(graph: Any, model: str, kernels: str, external: str | None, **more: Any) -> Any:
        # Constants, and operations without a C interface.
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
    """Compile the two parts of generated code in parallel; return the library.

    Wraps ``CppBuilder``. The first part begins with inductor's runtime, ``interface.cpp``, which is
    replaced.
    """
    from torch._inductor import codegen
    from torch._inductor.codecache import write
    from torch._inductor.cpp_builder import CppBuilder, CppTorchDeviceOptions
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    def builder(name: str, *sources: str, **options: Any) -> CppBuilder:
        build = CppTorchDeviceOptions(pick_vec_isa(), device_type="cpu", aot_mode=True, **options)
        return CppBuilder(name, list(sources), build, output_dir=str(folder))

    interface = Path(codegen.__path__[0], "aoti_runtime", "interface.cpp").read_text()
    _, replaced, code = model.partition(interface)
    assert replaced, "inductor's code does not contain its runtime"
    _, model_file = write(_RUNTIME.read_text() + code, "cpp")
    _, kernels_file = write(kernels, "cpp")
    objects = (
        builder("model", model_file, compile_only=True, min_optimize=True),
        builder("kernels", kernels_file, compile_only=True),
    )
    with ThreadPoolExecutor() as pool:
        list(pool.map(CppBuilder.build, objects))
    library = builder("library", *(built.get_target_file_path() for built in objects))
    library.build()
    return Path(library.get_target_file_path())
